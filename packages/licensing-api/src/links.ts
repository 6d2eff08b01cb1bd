import type { Entropy } from '@keyhaven/core/crypto';
import { LicensingError, Status } from '@keyhaven/core/errors';
import type { HostKind } from '@keyhaven/core/hosts';
import type { ApplicationIdentity } from '@keyhaven/core/session';
import { SECOND } from '@keyhaven/core/time';
import { callTimeout } from './call-timeout.ts';
import type { LmAddress, Surroundings } from './environment.ts';
import { connectOver, connectToLm } from './lm-connection.ts';
import type { NearSocket, StartedEnd } from './lm-end.ts';
import { createLmLink, type LmLink } from './lm-link.ts';
import type { IntegratedLm } from './near-surroundings.ts';
import type { OwnTime } from './own-time.ts';

// The license managers that this process talks to: the Admin LM of the computer, and of each vendor whose keys need one an External or an
// Integrated LM, started when it is first asked.

export type Links = {
  readonly admin: LmLink;
  to(kind: HostKind, vendor: number): LmLink;
  /** Closes all connections for good; an External LM then ends by itself. */
  close(why: LicensingError): void;
};

export type LinksOptions = {
  readonly address: LmAddress;
  readonly identity: ApplicationIdentity;
  readonly entropy: Entropy;
  readonly surroundings: Pick<Surroundings, 'dial' | 'near' | 'callTimeoutMs' | 'localVersions'>;
  readonly time: OwnTime;
};

/**
 * What was started may take so much longer to answer than one call waits: on a busy computer the call is given up and its repetition finds the license manager.
 * What has said nothing by then is ended, and the next call starts it anew.
 */
const START_LONGER_MS = 10 * SECOND;

export const createLinks = ({ address, identity, entropy, surroundings, time }: LinksOptions): Links => {
  const { near, dial, localVersions } = surroundings;
  const patienceFor = (vendor: number): number => callTimeout(surroundings.callTimeoutMs?.(vendor)) + START_LONGER_MS;
  const links = new Map<string, LmLink>(); // BOUNDED by the vendors in use
  const integrated = new Map<number, Promise<IntegratedLm>>(); // BOUNDED by the vendors in use
  const absent = (): LicensingError => new LicensingError(Status.REQ_NOT_SUPP, { detail: 'Only the Admin LM can be used here.' });

  const admin = createLmLink({
    kind: 'admin',
    connect: (onClosed) => connectToLm(address, identity, { dial, time, localVersions }, onClosed),
    recovers: true,
    entropy,
    time,
  });

  const toExternal = (vendor: number, name: string): LmLink => {
    /** Of one that has not answered yet. */
    let starting: NearSocket | undefined;
    return createLmLink({
      kind: 'external',
      async connect(onClosed) {
        if (time.closed !== undefined) throw time.closed;
        if (near === undefined) throw absent();
        const started: StartedEnd = { ...near.startExternal(vendor), patienceMs: patienceFor(vendor) };
        starting = started.socket;
        return connectOver(started, identity, time, onClosed, localVersions).finally(() => {
          starting = undefined;
        });
      },
      onAwaited(awaited) {
        if (awaited) starting?.ref();
        else starting?.unref();
      },
      recovers: false,
      // The next login starts it again (T3).
      onGone: () => links.delete(name),
      entropy,
      time,
    });
  };

  const opened = (vendor: number): Promise<IntegratedLm> => {
    const running = integrated.get(vendor);
    if (running !== undefined) return running;
    if (time.closed !== undefined) return Promise.reject(time.closed);
    const opening = near === undefined ? Promise.reject(absent()) : near.openIntegrated(vendor);
    integrated.set(vendor, opening);
    opening.catch(() => integrated.delete(vendor));
    return opening;
  };
  const toIntegrated = (vendor: number): LmLink =>
    createLmLink({
      kind: 'integrated',
      async connect(onClosed) {
        const lm = await opened(vendor);
        const end = { name: 'The Integrated LM', ready: 'answered', socket: lm.connect(), patienceMs: patienceFor(vendor) } as const;
        return connectOver(end, identity, time, onClosed, localVersions);
      },
      recovers: true,
      entropy,
      time,
    });

  return {
    admin,
    to(kind, vendor) {
      if (kind === 'admin') return admin;
      const name = `${kind} ${vendor}`;
      const known = links.get(name);
      if (known !== undefined) return known;
      const link = kind === 'external' ? toExternal(vendor, name) : toIntegrated(vendor);
      links.set(name, link);
      return link;
    },
    close(why) {
      admin.close(why);
      for (const link of links.values()) link.close(why);
      for (const opening of integrated.values()) opening.then((lm) => lm.close()).catch(() => undefined);
      integrated.clear();
    },
  };
};
