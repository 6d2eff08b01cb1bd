import type { Entropy } from '@keyhaven/core/crypto';
import type { Observation } from '@keyhaven/core/fingerprint';
import type { LmIdentity } from '@keyhaven/core/link';
import { type Clock, SECOND, wall } from '@keyhaven/core/time';
import type { Ledger } from '@keyhaven/ledger';
import type { AuditWriter } from '../acts/index.ts';
import type { Authority, Bar, LiveSession } from '../authority/index.ts';
import type { Key, Keystore } from '../keystore/index.ts';
import type { Peers, Post } from '../peers/index.ts';
import { createDuplicates, type Duplicates } from './duplicates.ts';
import { createGuard, type Guard } from './guard.ts';
import { createKeyWatch, type KeyWatch } from './key-watch.ts';
import { type LicenseTime, openLicenseTime } from './license-time.ts';
import { createMachineWatch } from './machine-watch.ts';
import { openSeenKeys } from './seen-keys.ts';
import { hasTimeLimit } from './time-limits.ts';
import { createTwins, type Twins } from './twins.ts';

// Clone protection and time of one LM, put together (K6, K9). docs/threat-model.md says what it stops and what it cannot.

/** What a host switches on; without it there is only the license time. */
export type ProtectionSettings = {
  /** What this computer is recognised by. Never rejects. */
  readonly observe: () => Promise<Observation>;
  /** It is looked at so much later where no login depends on it before; absent = at once. */
  readonly laterMs?: number;
  /** What is done with a key that is on another computer, too: its logins are refused (64), or it is only told. */
  readonly duplicateKey: 'refuse' | 'warn';
};

export type ProtectionEvent = { readonly level: 'info' | 'warn'; readonly event: string; readonly [detail: string]: unknown };

export type ProtectionOptions = {
  readonly self: LmIdentity;
  readonly hostname: string;
  readonly ledger: Ledger;
  readonly audit: Pick<AuditWriter, 'write'>;
  readonly keystore: Keystore;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly post: Post;
  readonly settings: ProtectionSettings | undefined;
  readonly onEvent: (event: ProtectionEvent) => void;
};

export type Protection = {
  readonly guard: Guard;
  readonly time: LicenseTime;
  readonly twins: Twins;
  readonly duplicates: Duplicates;
  /** To be called when the authority and the other LMs are there. */
  begin(authority: Authority, peers: Peers): void;
  /** The state or a catalog of another LM changed. */
  peersChanged(): void;
  /** A license was applied. */
  licensed(key: Key): void;
  /** Why a key of another LM is not used. */
  refused(guid: string, key: string): Bar | undefined;
  /** What this computer is recognised by, as it counts; undefined where it is not looked at. */
  observed(): Promise<Observation> | undefined;
  /** The same without waiting; undefined before the first look is over. */
  current(): Observation | undefined;
  /** What people should know of a key here. */
  warnings(key: Key): readonly string[];
  close(): void;
};

/** A session that the disk would not let end is ended by the next try. */
const AGAIN_MS = 5 * SECOND;

const isBoundToTime = (key: Key): boolean => [...(key.license?.pools.values() ?? [])].some(({ feature }) => hasTimeLimit(feature.license));

export const openProtection = async (options: ProtectionOptions): Promise<Protection> => {
  const { keystore, ledger, clock, entropy, settings, onEvent } = options;
  let authority: Authority | undefined;
  let watch: KeyWatch | undefined;
  let others: Peers | undefined;
  let closed = false;

  const audit = (kind: string, scope: string, detail: Readonly<Record<string, string | number>>): void => {
    options.audit.write({ kind, scope, detail });
  };
  const seen = await openSeenKeys(ledger);
  const time = await openLicenseTime({
    ledger,
    clock,
    matters: () => [...keystore.keys()].some(isBoundToTime),
    onSetBack(setBack, behindMs) {
      onEvent(
        setBack
          ? { level: 'warn', event: 'clock set back', behindMs: Math.round(behindMs) }
          : { level: 'info', event: 'clock right again' },
      );
      audit(setBack ? 'clock set back' : 'clock right again', 'lm', { behindMs: Math.round(behindMs) });
    },
  });

  const duplicates = createDuplicates(clock);
  const twins = createTwins({
    ...options,
    onProven: (hostname, address) => duplicates.proven(hostname, address),
    onTwin(hostname) {
      onEvent({ level: 'warn', event: 'another computer is a copy of this one', hostname });
      audit('clone detected', 'lm', { hostname });
    },
    onGone: (hostname) => onEvent({ level: 'info', event: 'the copy of this computer is gone', hostname }),
  });
  const elsewhere = (key: string): readonly string[] => [...new Set([...twins.known(), ...(watch?.elsewhere(key) ?? [])])];
  const twice = (key: string): string | undefined => {
    const hosts = elsewhere(key);
    return hosts.length === 0 ? undefined : `Key ${key} is also on ${hosts.join(', ')}: one of the two is a copy.`;
  };

  /** A license is not issued before its vendor's now; what does not depend on time shall not, either. */
  const learn = (key: Key): void => {
    const issued = Date.parse(key.license?.certificate.issued ?? '');
    if (!Number.isNaN(issued) && isBoundToTime(key)) time.learn(wall(issued));
  };
  const told = new Set<string>(); // BOUNDED by the products of the keys here
  /** Ends what runs by a license that is for another computer. */
  const enforce = (): void => {
    if (closed) return;
    let again = false;
    const ending: Promise<void>[] = [];
    for (const key of keystore.keys()) {
      const cloned = guard.cloned(key);
      for (const [product, detail] of cloned) {
        const name = `${key.identity.id} ${product}`;
        if (told.has(name)) continue;
        told.add(name);
        onEvent({ level: 'warn', event: 'clone detected', key: key.identity.id, product, detail });
        audit('clone detected', key.identity.id, { product, cause: detail });
      }
      for (const name of told) {
        const [id, product] = name.split(' ');
        if (id === key.identity.id && !cloned.has(Number(product))) told.delete(name);
      }
      if (cloned.size === 0) continue;
      const of = (session: LiveSession): boolean =>
        session.pool.key === key.identity.id && session.pool.feature !== 0 && cloned.has(session.pool.product);
      for (const session of [...(authority?.sessions() ?? [])].filter(of)) {
        ending.push(
          (authority?.release(session, 'license changed') ?? Promise.resolve()).catch(() => {
            again = true;
          }),
        );
      }
    }
    Promise.all(ending).then(
      () => {
        if (again) clock.after(AGAIN_MS, enforce);
      },
      () => undefined,
    );
  };

  const machine = settings === undefined ? undefined : createMachineWatch({ clock, ...settings, onChange: () => enforce() });
  const ownName = options.hostname.toLowerCase();
  const guard = createGuard({
    time,
    machine,
    duplicate: (key) => (settings?.duplicateKey === 'refuse' ? twice(key) : undefined),
    namesake: () => others?.all().find(({ state, hostname }) => state === 'linked' && hostname.toLowerCase() === ownName)?.address.host,
  });

  return {
    guard,
    time,
    twins,
    duplicates,
    begin(of, peers) {
      authority = of;
      others = peers;
      for (const key of keystore.keys()) learn(key);
      enforce();
      if (settings === undefined) return;
      watch = createKeyWatch({
        keystore,
        peers,
        seen,
        clock,
        entropy,
        onDuplicate(key, { guid, hostname }) {
          onEvent({ level: 'warn', event: 'key is on another computer, too', key, guid, hostname });
          audit('clone detected', key, { guid, hostname });
        },
        onWentBack(key, { guid, hostname }, { detail }) {
          onEvent({ level: 'warn', event: 'key of another computer went back in time', key, guid, hostname, detail });
          audit('key went back', 'lm', { key, guid, hostname, cause: detail });
        },
      });
      watch.look();
    },
    peersChanged: () => watch?.look(),
    licensed(key) {
      learn(key);
      enforce();
      watch?.look();
    },
    refused: (guid, key) => watch?.refused(guid, key),
    observed: () => machine?.first(),
    current: () => machine?.current,
    warnings(key) {
      const both = twice(key.identity.id);
      return [...(both === undefined ? [] : [both]), ...guard.cloned(key).values()];
    },
    close() {
      closed = true;
      time.close();
      machine?.close();
      watch?.close();
      twins.close();
    },
  };
};
