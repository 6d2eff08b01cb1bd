import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import type { Entropy } from '@keyhaven/core/crypto';
import { HOUR, MINUTE, type Mono } from '@keyhaven/core/time';

// Who has logged in to the page (S9): tokens of 128 random bits, known here by their hash only, and gone with this process.

const IDLE_MS = 30 * MINUTE;
const LONGEST_MS = 12 * HOUR;
/** BOUNDED: sessions at a time; the one used longest ago ends first. */
const MAX_SESSIONS = 64;
const TOKEN = /^[\w-]{22}$/;

export type WebSessions = {
  begin(now: Mono): string;
  /** Whether it is one; and that it was used now. */
  has(token: string, now: Mono): boolean;
  /** Whether it is one. */
  isOpen(token: string, now: Mono): boolean;
  end(token: string): boolean;
  endAll(): void;
};

const hashOf = (token: string): string => createHash('sha256').update(token).digest('base64');

export const createWebSessions = (entropy: Entropy): WebSessions => {
  type Session = { readonly began: Mono; readonly used: Mono };
  const sessions = new Map<string, Session>(); // BOUNDED by MAX_SESSIONS
  const isOver = ({ began, used }: Session, now: Mono): boolean => now - used > IDLE_MS || now - began > LONGEST_MS;
  return {
    begin(now) {
      const token = Buffer.from(entropy.bytes(16)).toString('base64url');
      sessions.set(hashOf(token), { began: now, used: now });
      const [oldest] = sessions.keys();
      if (sessions.size > MAX_SESSIONS && oldest !== undefined) sessions.delete(oldest);
      return token;
    },
    has(token, now) {
      if (!TOKEN.test(token)) return false;
      const name = hashOf(token);
      const session = sessions.get(name);
      if (session === undefined) return false;
      sessions.delete(name);
      if (isOver(session, now)) return false;
      sessions.set(name, { ...session, used: now });
      return true;
    },
    isOpen(token, now) {
      const session = sessions.get(hashOf(token));
      return session !== undefined && !isOver(session, now);
    },
    end: (token) => sessions.delete(hashOf(token)),
    endAll: () => sessions.clear(),
  };
};
