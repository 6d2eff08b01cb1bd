import type { Buffer } from 'node:buffer';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { type AttemptDenial, decodeGrant, encodeWaitAnswer, type LoginCall, type WaitCall } from '@keyhaven/core/session';
import type { ChannelLogins } from './channel-logins.ts';
import type { KeyChannel } from './key-channel.ts';
import type { ServedKey } from './served-key.ts';
import { sessionIdFor, sinceOf, ticketFor } from './tokens.ts';
import type { AuthorityCore } from './types.ts';
import type { Told } from './wish.ts';

// Those who wait in one channel. A question that is held is no call under way: it may last for half a minute, and nothing waits for it.

/** BOUNDED: those who wait in one channel, which is one process. */
const MAX_WAITS = 1_024;

export type ChannelWaits = {
  /** Questions that are held. */
  readonly held: number;
  /** The answer, or the promise of one that may come late. */
  ask(call: WaitCall, denial?: AttemptDenial): Promise<Buffer | { readonly late: Promise<Buffer> }>;
  withdraw(nonce: Uint8Array): Promise<void>;
  close(): void;
};

export const createChannelWaits = (
  authority: Pick<AuthorityCore, 'waiting' | 'attach'>,
  key: ServedKey,
  logins: ChannelLogins,
  self: KeyChannel,
): ChannelWaits => {
  const { party } = self;
  const ids = new Set<string>(); // BOUNDED by MAX_WAITS
  let closed = false;
  let held = 0;

  const body = async (login: LoginCall, id: string, told: Told): Promise<Buffer> => {
    switch (told.kind) {
      case 'waiting': {
        const { place, since } = told;
        return encodeWaitAnswer({ kind: 'waiting', place, ticket: ticketFor(key.now(), id, since, key.time()) });
      }
      case 'granted': {
        const { session } = told;
        ids.delete(id);
        if (session.ending !== undefined) throw new LicensingError(Status.BROKEN_SESSION, { detail: `Why it ended: ${session.ending}.` });
        // Asked again in this channel while it was granted in another one.
        if (session.channel !== self) authority.attach(session, self, party);
        return encodeWaitAnswer({ kind: 'granted', grant: decodeGrant(await logins.granted(login, session)) });
      }
    }
  };

  return {
    get held() {
      return held;
    },
    async ask({ login, place, ticket }, denial) {
      const id = sessionIdFor(key.now(), login.nonce);
      if (!ids.has(id) && ids.size >= MAX_WAITS) throw new LicensingError(Status.TMOF);
      ids.add(id);
      const command = logins.commandFor(login, denial);
      const wish = {
        id,
        pool: command.pool,
        applicant: command.applicant,
        seats: command.seats,
        denial,
        channel: self,
        party,
        ready: () => logins.readyFor(login),
        command: () => logins.commandFor(login, denial),
        current: key.isCurrent,
        open: () => !closed,
      };
      const over = (error: unknown): never => {
        ids.delete(id);
        throw error;
      };
      const asked = await authority.waiting.ask(wish, place, sinceOf(key.now(), id, ticket, key.time())).catch(over);
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
      const id = sessionIdFor(key.now(), nonce);
      ids.delete(id);
      await authority.waiting.withdraw(id, party.holder);
    },
    close() {
      closed = true;
      for (const id of ids) authority.waiting.left(id, self);
      ids.clear();
    },
  };
};
