import { Buffer } from 'node:buffer';
import { hex, Reader, Writer } from '@keyhaven/core/bytes';
import { type Channel, createChannel } from '@keyhaven/core/channel';
import { agree, exchangePairFrom, hkdf, sha256 } from '@keyhaven/core/crypto';
import { type CallKind, readCalls, readReplies } from '@keyhaven/core/session';
import type { Draw } from './entropy.ts';

// Reads along in the channels of a recorded application, whose secrets the recording holds: derives the keys as docs/protocol/channel.md C4 and
// C6 say, and opens the records of both directions.

type Pair = { readonly seed: Buffer; readonly publicKey: string };
type Open = { readonly toKey: Channel; readonly toApplication: Channel; readonly asked: Map<number, CallKind | 'unknown'> };

export type ReadAlong = {
  opening(channel: number, message: Uint8Array): void;
  answer(channel: number, message: Uint8Array): void;
  /** What a record says; undefined where the channel is not known or does not open it. */
  toKey(channel: number, record: Uint8Array): unknown;
  toApplication(channel: number, record: Uint8Array): unknown;
};

export type SaidReply = { readonly id: number; readonly to: string; readonly status: number; readonly body: unknown };

/** JSON of `info` as data, texts of refusals as text, everything else as hex. */
const bodyOf = (to: string, status: number, body: Uint8Array): unknown => {
  if (status !== 0) return Buffer.from(body).toString('utf8');
  return to === 'info' ? JSON.parse(Buffer.from(body).toString('utf8')) : hex(body);
};

const shown = (value: unknown): unknown => {
  if (value instanceof Uint8Array) return hex(value);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, shown(each)]));
};

/** @param draws of the application */
export const readAlong = (draws: () => readonly Draw[]): ReadAlong => {
  const openings = new Map<number, Uint8Array>(); // BOUNDED by one conversation
  const channels = new Map<number, Open>(); // BOUNDED likewise
  const pairOf = (opening: Uint8Array): Pair | undefined => {
    const wanted = hex(opening.subarray(46, 78));
    for (const draw of draws()) {
      if (!('pair' in draw)) continue;
      const seed = Buffer.from(draw.pair, 'hex');
      const publicKey = hex(exchangePairFrom(seed).publicKey);
      if (publicKey === wanted) return { seed, publicKey };
    }
    return undefined;
  };

  return {
    opening: (channel, message) => void openings.set(channel, Uint8Array.from(message)),
    answer(channel, message) {
      const opening = openings.get(channel);
      const pair = opening === undefined ? undefined : pairOf(opening);
      if (opening === undefined || pair === undefined) return;
      const reader = new Reader(message);
      reader.bytes(33);
      const share = reader.bytes(32);
      const transcript = sha256(
        new Writer()
          .block(opening)
          .block(message.subarray(0, message.length - 64))
          .done(),
      );
      const secret = hkdf(agree(exchangePairFrom(pair.seed).privateKey, share), transcript, 'keyhaven channel 1 keys', 88);
      const [toKey, toApplication] = [secret.subarray(0, 44), secret.subarray(44)];
      const id = transcript.subarray(0, 8);
      channels.set(channel, {
        toKey: createChannel(id, toApplication, toKey),
        toApplication: createChannel(id, toKey, toApplication),
        asked: new Map(),
      });
    },
    toKey(channel, record) {
      const open = channels.get(channel);
      return open === undefined
        ? undefined
        : readCalls(open.toKey.open(record)).map(({ id, call }) => {
            open.asked.set(id, call?.kind ?? 'unknown');
            return { id, ...(shown(call ?? { kind: 'unknown' }) as object) };
          });
    },
    toApplication(channel, record) {
      const open = channels.get(channel);
      return open === undefined
        ? undefined
        : readReplies(open.toApplication.open(record)).map(({ id, status, body }): SaidReply => {
            const to = open.asked.get(id) ?? 'unknown';
            return { id, to, status, body: bodyOf(to, status, body) };
          });
    },
  };
};
