import { Buffer } from 'node:buffer';
import { createHmac, timingSafeEqual } from 'node:crypto';
import type { Entropy } from '@keyhaven/core/crypto';
import { type Clock, SECOND } from '@keyhaven/core/time';
import type { AuditEntry, Ledger } from '@keyhaven/ledger';
import type { AuditWriter } from '../acts/index.ts';
import { createAttempts } from './attempts.ts';
import { isPassword, keepPassword, type PasswordRow, SALT_BYTES } from './password.ts';
import { createWebSessions } from './web-sessions.ts';

// Who is the administrator (S7, S9): one password, kept in the ledger; proven by itself or by a session of the page. Promised: a wrong password, a
// password where none is set, and any user name are answered alike and after the same work; the work itself is bounded.

export type Proof = { readonly kind: 'right' } | { readonly kind: 'wrong' } | { readonly kind: 'later'; readonly seconds: number };

export type Administration = {
  readonly passwordSet: boolean;
  check(password: string, address: string): Promise<Proof>;
  /** A session of the page, for a password that was right. */
  login(address: string): string;
  logout(token: string, address: string): void;
  hasSession(token: string): boolean;
  /** The same without using it: what only listens keeps no session open. */
  isOpen(token: string): boolean;
  /** Another one after each change of the password. */
  readonly era: number;
  /** Ends every session of the page. undefined takes the password away. Rejects as the ledger does. */
  setPassword(password: string | undefined, by: string): Promise<void>;
};

const KEY = 'lm/administration/password';
/** BOUNDED: passwords that are checked at a time, and those that wait for it; each costs 19 MiB for a tenth of a second. */
const MAX_CHECKS = 8;

export const openAdministration = async ({
  ledger,
  audit,
  clock,
  entropy,
}: {
  readonly ledger: Ledger;
  readonly audit: Pick<AuditWriter, 'write'>;
  readonly clock: Clock;
  readonly entropy: Entropy;
}): Promise<Administration> => {
  let row: PasswordRow | undefined;
  for await (const [key, kept] of ledger.scan<PasswordRow>('lm/administration/')) if (key === KEY) row = kept;
  const attempts = createAttempts();
  const sessions = createWebSessions(entropy);
  /** The last right password, so that a program that asks every second does not cost a hash every second. Only behind the limit. */
  const macKey = Buffer.from(entropy.bytes(32));
  let lastRight: Buffer | undefined;
  let era = 0;
  let checks = 0;
  let before: Promise<unknown> = Promise.resolve();

  const note = (kind: string, address: string): void => {
    const entry: AuditEntry = { kind, scope: 'lm', detail: { address } };
    audit.write(entry);
  };
  const macOf = (password: string): Buffer => createHmac('sha256', macKey).update(password.normalize('NFC')).digest();
  const isRight = async (password: string): Promise<boolean> => {
    const against = row;
    const mac = macOf(password);
    if (lastRight !== undefined && timingSafeEqual(mac, lastRight)) return true;
    const right = await isPassword(password, against);
    // The password may have been changed meanwhile.
    if (!right || row !== against) return false;
    lastRight = mac;
    return true;
  };

  return {
    get passwordSet() {
      return row !== undefined;
    },
    async check(password, address) {
      const wait = attempts.begin(address, clock.mono());
      if (wait > 0) return { kind: 'later', seconds: Math.ceil(wait / SECOND) };
      if (checks >= MAX_CHECKS) return { kind: 'later', seconds: 1 };
      checks += 1;
      try {
        // One after the other, so that guesses take none of the computer from those who use licenses.
        const right = before.then(() => isRight(password));
        before = right.catch(() => undefined);
        if (!(await right)) {
          note('administrator refused', address);
          return { kind: 'wrong' };
        }
        attempts.succeeded(address, clock.mono());
        return { kind: 'right' };
      } finally {
        checks -= 1;
      }
    },
    login(address) {
      note('administrator logged in', address);
      return sessions.begin(clock.mono());
    },
    logout(token, address) {
      if (sessions.end(token)) note('administrator logged out', address);
    },
    hasSession: (token) => sessions.has(token, clock.mono()),
    isOpen: (token) => sessions.isOpen(token, clock.mono()),
    get era() {
      return era;
    },
    async setPassword(password, by) {
      const next = password === undefined ? undefined : await keepPassword(password, entropy.bytes(SALT_BYTES));
      const kind = next === undefined ? 'password cleared' : 'password set';
      await ledger.update([KEY], () => ({
        changes: [{ key: KEY, row: next }],
        audit: [{ kind, scope: 'lm', detail: { address: by } }],
        reply: undefined,
      }));
      row = next;
      lastRight = undefined;
      era += 1;
      sessions.endAll();
    },
  };
};
