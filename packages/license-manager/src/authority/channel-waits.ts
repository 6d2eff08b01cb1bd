import type { Buffer } from 'node:buffer';
import { LicensingError, Status } from '@keyhaven/core/errors';
import type { Login } from '@keyhaven/core/seats';
import { type Call, decodeGrant, encodeWaitAnswer, type LoginCall } from '@keyhaven/core/session';
import type { Wall } from '@keyhaven/core/time';
import type { Key } from '../keystore/index.ts';
import type { KeyChannel } from './key-channel.ts';
import type { LiveSession } from './live-sessions.ts';
import { sessionIdFor, sinceOf, ticketFor } from './tokens.ts';
import type { AuthorityCore } from './types.ts';
import type { Told } from './wish.ts';

// Those who wait in one channel. A question that is held is no call under way: it may last for half a minute, and nothing waits for it.

export type ChannelWaitsOptions = {
  readonly authority: AuthorityCore;
  readonly self: () => KeyChannel;
  readonly key: () => Key;
  readonly time: () => Wall;
  readyFor(login: LoginCall): Promise<void> | undefined;
  commandFor(login: LoginCall): Login;
  /** The body of the grant, with a handle of this channel. */
  granted(login: LoginCall, session: LiveSession): Promise<Buffer>;
  /** Whether the channel was opened under the license in force. */
  current(): boolean;
  open(): boolean;
};

type WaitCall = Extract<Call, { kind: 'wait' }>;
/** BOUNDED: those who wait in one channel, which is one process. */
const MAX_WAITS = 1_024;

export type ChannelWaits = {
  /** Questions that are held. */
  readonly held: number;
  /** The answer, or the promise of one that may come late. */
  ask(call: WaitCall): Promise<Buffer | { readonly late: Promise<Buffer> }>;
  withdraw(nonce: Uint8Array): Promise<void>;
  close(): void;
};

export const createChannelWaits = (options: ChannelWaitsOptions): ChannelWaits => {
  const { authority } = options;
  const ids = new Set<string>(); // BOUNDED by MAX_WAITS
  let held = 0;

  const body = async (login: LoginCall, id: string, told: Told): Promise<Buffer> => {
    switch (told.kind) {
      case 'waiting': {
        const { place, since } = told;
        return encodeWaitAnswer({ kind: 'waiting', place, ticket: ticketFor(options.key(), id, since, options.time()) });
      }
      case 'granted': {
        const { session } = told;
        const self = options.self();
        ids.delete(id);
        if (session.ending !== undefined) throw new LicensingError(Status.BROKEN_SESSION, { detail: `Why it ended: ${session.ending}.` });
        // Asked again in this channel while it was granted in another one.
        if (session.channel !== self) authority.attach(session, self, self.party);
        return encodeWaitAnswer({ kind: 'granted', grant: decodeGrant(await options.granted(login, session)) });
      }
    }
  };

  return {
    get held() {
      return held;
    },
    async ask({ login, place, ticket }) {
      const id = sessionIdFor(options.key(), login.nonce);
      if (!ids.has(id) && ids.size >= MAX_WAITS) throw new LicensingError(Status.TMOF);
      ids.add(id);
      const command = options.commandFor(login);
      const wish = {
        id,
        pool: command.pool,
        applicant: command.applicant,
        seats: command.seats,
        channel: options.self(),
        party: options.self().party,
        ready: () => options.readyFor(login),
        command: () => options.commandFor(login),
        current: options.current,
        open: options.open,
      };
      const over = (error: unknown): never => {
        ids.delete(id);
        throw error;
      };
      const asked = await authority.waiting.ask(wish, place, sinceOf(options.key(), id, ticket, options.time())).catch(over);
      if (asked.kind !== 'held') return body(login, id, asked);
      held += 1;
      const late = asked.answer
        .finally(() => {
          held -= 1;
        })
        .catch(over)
        .then((told) => body(login, id, told));
      return { late };
    },
    async withdraw(nonce) {
      const id = sessionIdFor(options.key(), nonce);
      ids.delete(id);
      await authority.waiting.withdraw(id, options.self().party.holder);
    },
    close() {
      for (const id of ids) authority.waiting.left(id, options.self());
      ids.clear();
    },
  };
};
