import { randomBytes } from 'node:crypto';
import { readFile, stat } from 'node:fs/promises';
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

/** What a record is about: the very socket beside it, not one that somebody put in its place. */
export const aboutSocket = async (path: string): Promise<Buffer> => {
  const { dev, ino } = await stat(path, { bigint: true });
  return Buffer.from(`socket ${dev} ${ino}`, 'latin1');
};

/** A process that is stopped cannot answer, but its socket is there, and what it wrote beside it when it was not. */
const byRecord = async (place: Place, key: KeyObject): Promise<Found> => {
  if (place.kind === 'name') return STRANGER;
  try {
    const [about, text] = [await aboutSocket(place.path), await readFile(place.record, 'utf8')];
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
    const end = (found: Found | Promise<Found>): void => {
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
