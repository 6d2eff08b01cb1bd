import { randomBytes } from 'node:crypto';
import { readFileSync, statSync } from 'node:fs';
import { connect } from 'node:net';
import type { KeyObject } from '@keyhaven/core/crypto';
import type { Place } from './places.ts';
import { heard, MAX_SAID, NONCE_BYTES, type RunningLm } from './proof.ts';

// Who is at a place. The system itself says whether somebody listens there: of a process that ended, however it ended, nothing answers.

export type Found =
  | { readonly kind: 'nobody' }
  /** One with this state. */
  | { readonly kind: 'same'; readonly lm: RunningLm }
  /** Somebody who cannot prove it, or does not answer: it may be anybody. */
  | { readonly kind: 'stranger' };

/** A license manager answers at once; one that is stopped never does. */
const ANSWER_MS = 2_000;
const NOBODY: Found = { kind: 'nobody' };
const STRANGER: Found = { kind: 'stranger' };

/** What a record is about: the very socket beside it, not one that somebody put in its place. Read at a start, without the detour through other threads (P6). */
export const aboutSocket = (path: string): Buffer => {
  const { dev, ino } = statSync(path, { bigint: true });
  return Buffer.from(`socket ${dev} ${ino}`, 'latin1');
};

/** Where something is at all: asking the places one by one costs a start many times as much. */
export const occupied = (places: readonly Place[]): readonly Place[] => {
  let names: string | undefined;
  const isNamed = (path: string): boolean => {
    if (process.platform !== 'linux') return true;
    try {
      names ??= readFileSync('/proc/net/unix', 'latin1');
      return names.includes(path.replace('\0', '@'));
    } catch {
      return true;
    }
  };
  return places.filter(({ kind, path }) => (kind === 'name' ? isNamed(path) : statSync(path, { throwIfNoEntry: false }) !== undefined));
};

/** A process that is stopped cannot answer, but its socket is there, and what it wrote beside it when it was not. */
const byRecord = (place: Place, key: KeyObject): Found => {
  if (place.kind === 'name') return STRANGER;
  try {
    const [about, text] = [aboutSocket(place.path), readFileSync(place.record, 'utf8')];
    const lm = text.length > MAX_SAID ? undefined : heard(key, about, text);
    return lm === undefined ? STRANGER : { kind: 'same', lm };
  } catch {
    return STRANGER;
  }
};

const absent = new Set(['ENOENT', 'ECONNREFUSED', 'ENOTSOCK', 'ENOTDIR', 'EPROTOTYPE']);

/** Never rejects. */
export const probe = (place: Place, key: KeyObject, answerMs = ANSWER_MS): Promise<Found> =>
  new Promise((resolve) => {
    const nonce = randomBytes(NONCE_BYTES);
    let text = '';
    let over = false;
    const end = (found: Found): void => {
      if (over) return;
      over = true;
      clearTimeout(timer);
      socket.destroy();
      resolve(found);
    };
    const socket = connect({ path: place.path });
    const timer = setTimeout(() => end(byRecord(place, key)), answerMs);
    timer.unref();
    socket.setEncoding('utf8');
    socket.on('connect', () => socket.write(nonce));
    socket.on('data', (part: string) => {
      text += part;
      if (!text.includes('\n') && text.length <= MAX_SAID) return;
      const lm = heard(key, nonce, text);
      end(lm === undefined ? STRANGER : { kind: 'same', lm });
    });
    socket.on('end', () => end(STRANGER));
    socket.on('error', (error: NodeJS.ErrnoException) => {
      end(error.code !== undefined && absent.has(error.code) ? NOBODY : byRecord(place, key));
    });
  });
