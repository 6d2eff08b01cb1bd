import { Buffer } from 'node:buffer';
import { LicensingError, Status } from '@keyhaven/core/errors';
import type { InfoData } from '@keyhaven/core/format';
import type { Ask, Found } from '@keyhaven/core/wire';
import { type Acts, applicationAct, askedAct } from '../acts/index.ts';
import type { Applications } from '../applications.ts';
import type { Authority } from '../authority/index.ts';
import type { CallerOf, Seen } from '../callers/index.ts';
import { candidatesFor, type Source } from '../candidates.ts';
import { partsOf, textParts } from '../information/index.ts';
import { type LocalConnectionOptions, routeLater } from '../local/index.ts';
import { type Peers, tellUnspoken } from '../peers/index.ts';
import type { Protection } from '../protection/index.ts';
import type { Transfers } from '../transfer/index.ts';
import { sayResult } from '../updates/index.ts';
import type { FirstSearch } from './first-search.ts';
import type { ApplyLicense } from './license-files.ts';
import type { Refusals } from './refusals.ts';
import type { LmOptions } from './types.ts';

// What the applications of this computer may ask their license manager for (L3), and which room answers: keys here and elsewhere are found in
// one list, and a channel goes to the authority here or, through another LM, to that one's.

export type ApplicationRooms = {
  readonly authority: Authority;
  readonly applications: Applications;
  readonly peers: Peers;
  readonly protection: Protection;
  readonly transfers: Transfers;
  readonly acts: Acts;
  readonly refusals: Refusals;
  readonly firstSearch: FirstSearch;
  readonly apply: ApplyLicense;
  /** The keys here and those of other license managers. */
  sources(): Source[];
  /** What is told without a session. Rejects with LicensingError. */
  information(question: Ask): Promise<InfoData>;
};

/** Who turns out to be another process than the hello names is connected as that one, as long as the connection is. */
const watched =
  (callerOf: CallerOf, applications: Applications, onEvent: LmOptions['onEvent']): CallerOf =>
  (socket, claim) => {
    const caller = callerOf(socket, claim);
    let known = false;
    const noted = (seen: Seen): Seen => {
      const { process } = seen;
      if (known || process === undefined || socket.destroyed) return seen;
      known = true;
      applications.connected(process, claim);
      if (seen.forwarded)
        onEvent({
          level: 'info',
          event: 'a connection is of another process than its application names: it counts as remote',
          pid: claim.pid,
        });
      socket.once('close', () => applications.disconnected(process));
      return seen;
    };
    return {
      seen() {
        const seen = caller.seen();
        return seen instanceof Promise ? seen.then(noted) : noted(seen);
      },
    };
  };

export const serveApplications = (options: LmOptions, rooms: ApplicationRooms): LocalConnectionOptions => {
  const { self, hostname, keystore, clock, onEvent } = options;
  const { authority, applications, peers, protection, transfers, acts, refusals, firstSearch } = rooms;
  return {
    clock,
    self: { guid: self.guid, hostname, idleMs: options.idleConnectionMs },
    async find(question, application, isDenial) {
      const attempt = (): Found => ({
        request: question.request,
        status: Status.OK,
        detail: '',
        candidates: candidatesFor(question, rooms.sources()),
      });
      try {
        await authority.refresh();
        try {
          return attempt();
        } catch (error) {
          // What was lost a moment ago may be there again, long before the next search finds it.
          if (firstSearch.isOver && !(await peers.reconnect())) throw error;
        }
        await firstSearch.wait();
        return attempt();
      } catch (error) {
        const told = tellUnspoken(error, peers.unspoken(), peers.identitiesAsked());
        refusals.nothingFound(question, application, told, isDenial);
        throw told;
      }
    },
    async ask(question, application) {
      const answer = async (): Promise<readonly Uint8Array[]> => {
        await authority.refresh();
        await firstSearch.wait();
        return partsOf(await rooms.information(question));
      };
      const act = askedAct(question);
      return act === undefined ? answer() : acts.perform(applicationAct(act, application), answer);
    },
    async transfer(wish, application) {
      const { user, host, pid } = application;
      onEvent({ level: 'info', event: 'transfer asked for', action: wish.action, user, host, pid, application: application.application });
      return acts.perform(applicationAct(`transfer ${wish.action}`, application), async () => {
        await authority.refresh();
        return textParts(await transfers.forApplication(wish, rooms.sources(), user));
      });
    },
    ...(options.callerOf === undefined ? {} : { callerOf: watched(options.callerOf, applications, onEvent) }),
    open(target, application, events, caller) {
      const process = { pid: application.pid, start: application.start };
      // By a GUID that it had before an application comes back to a key that is here; of any other key, that is somebody else by now.
      const before = options.former?.has(target.lm) === true && keystore.get(target.key) !== undefined;
      if (target.lm !== self.guid && target.lm !== '' && !before) {
        const bar = protection.refused(target.lm, target.key);
        if (bar !== undefined) throw new LicensingError(bar.status, { detail: bar.detail });
        return peers.open(
          target.lm,
          { ...target, caller },
          { ...process, user: application.user, host: application.host, application: application.application },
          events,
        );
      }
      const party = { holder: 'local', address: '127.0.0.1', process, caller };
      const opening = [
        target.key,
        target.opening,
        party,
        (record: Uint8Array) => events.record(record),
        (error: LicensingError) => events.lost(error),
      ] as const;
      const atDevice = authority.openAtDevice(...opening);
      if (atDevice !== undefined) return routeLater(atDevice, events);
      const channel = authority.open(...opening);
      events.opened(channel.answer);
      return channel;
    },
    update: (document, application) =>
      acts.perform(applicationAct('update', application), async () =>
        sayResult(await rooms.apply(Buffer.from(document).toString('latin1'))),
      ),
    onHello: (application) => applications.connected(application),
    onClosed(application, reason) {
      if (application !== undefined) applications.disconnected(application);
      onEvent({ level: 'debug', event: 'application disconnected', pid: application?.pid, reason });
    },
  };
};
