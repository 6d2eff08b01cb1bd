import { Buffer } from 'node:buffer';
import { hex, sameBytes } from '@keyhaven/core/bytes';
import { hmac, type KeyObject } from '@keyhaven/core/crypto';
import { integer, object, optional, parse, text } from '@keyhaven/core/parse';

// What a running license manager says of itself to one that starts with the same state, and how that knows that it is true: by a key that is derived
// from what seals the state directory. A copy of the directory has the same one, with a new LM id, too; nobody else has it.

/** A license manager that runs on this computer. */
export type RunningLm = {
  readonly pid: number;
  /** When the process started, in the units of its system. */
  readonly start: number;
  readonly directory: string;
  readonly port: number;
  /** Tells apart those of one process. */
  readonly instance: string;
  /** The file that several share (T4): those with another file are rivals. Absent: each is for itself. */
  readonly store?: string;
};

const running = object({
  pid: integer(0, 0xffff_ffff),
  start: integer(0, Number.MAX_SAFE_INTEGER),
  directory: text(4_096),
  port: integer(0, 65_535),
  instance: text(32, /^[0-9a-f]{32}$/, 'an instance'),
  store: optional(text(64)),
});

/** BOUNDED: bytes of what is said. */
export const MAX_SAID = 16 * 1024;
export const NONCE_BYTES = 32;

export const nameOf = (key: KeyObject): string => hex(hmac(key, Buffer.from('keyhaven running name 1', 'latin1'))).slice(0, 32);

const macOf = (key: KeyObject, about: Uint8Array, said: string): Buffer =>
  hmac(key, Buffer.concat([Buffer.from('keyhaven running lm 1\0', 'latin1'), about, Buffer.from(`\0${said}`, 'utf8')]));

/** @param about what is answered: a nonce, or the socket that a record is of */
export const say = (key: KeyObject, about: Uint8Array, lm: RunningLm): string => {
  const said = JSON.stringify(lm);
  return `${hex(macOf(key, about, said))} ${said}\n`;
};

/** undefined where it is of nobody with this key. */
export const heard = (key: KeyObject, about: Uint8Array, line: string): RunningLm | undefined => {
  const [, mac = '', said = ''] = /^([0-9a-f]{64}) (\{.*\})\n?$/u.exec(line) ?? [];
  if (!sameBytes(Buffer.from(mac, 'hex'), macOf(key, about, said))) return undefined;
  try {
    return parse(running, JSON.parse(said) as unknown);
  } catch {
    // It has the key, and says something else: nobody that this version knows.
    return undefined;
  }
};

/** The one that started later gives way; both come to the same answer. */
export const isLater = (own: RunningLm, other: RunningLm): boolean => {
  if (own.start !== other.start) return own.start > other.start;
  if (own.pid !== other.pid) return own.pid > other.pid;
  return own.instance > other.instance;
};
