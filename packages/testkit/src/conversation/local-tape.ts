import { Buffer } from 'node:buffer';
import { hex } from '@keyhaven/core/bytes';
import { decodeToApplication, decodeToLm, encodeFrame, type Frame, FrameDecoder, MAX_FRAME } from '@keyhaven/core/wire';
import { type ReadAlong, readAlong } from './channels.ts';
import type { Draw } from './entropy.ts';
import type { RecordedFrame, Said, Side, Spoken } from './tape.ts';

// Writes down what is said between an application and its LM: frame by frame, decoded, with what is inside of the records.

const plain = (value: unknown): unknown => {
  if (value instanceof Uint8Array) return hex(value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, plain(each)]));
};

const encoded = ({ type, body }: Frame): Buffer => encodeFrame(type, (out) => out.bytes(body), 16 + body.length);

/** The frame as it is understood; only its bytes where it is not. */
const understood = (from: Side, frame: Frame, along: ReadAlong): RecordedFrame => {
  const bytes = hex(encoded(frame));
  try {
    const message = from === 'application' ? decodeToLm(frame) : decodeToApplication(frame);
    const { kind } = message;
    if (kind === 'open') along.opening(message.channel, message.opening);
    if (kind === 'opened') along.answer(message.channel, message.answer);
    const { record: _, ...rest } = plain(message) as Said;
    if (kind !== 'record') return { name: kind, bytes, says: plain(message) as Said };
    const inside =
      from === 'application' ? along.toKey(message.channel, message.record) : along.toApplication(message.channel, message.record);
    return { name: kind, bytes, says: { ...rest, kind, inside } };
  } catch {
    return { name: `type ${frame.type}`, bytes };
  }
};

export type LocalTape = {
  readonly spoken: readonly Spoken[];
  wrote(from: Side, connection: number, at: number, bytes: Uint8Array): void;
  closed(from: Side, connection: number, at: number): void;
};

export const createLocalTape = (applicationDraws: () => readonly Draw[]): LocalTape => {
  const spoken: Spoken[] = []; // BOUNDED by one conversation
  const decoders = new Map<string, FrameDecoder>(); // BOUNDED by its connections
  const along = new Map<number, ReadAlong>(); // BOUNDED likewise
  return {
    spoken,
    wrote(from, connection, at, bytes) {
      const name = `${from} ${connection}`;
      const decoder = decoders.get(name) ?? new FrameDecoder(MAX_FRAME);
      decoders.set(name, decoder);
      const inside = along.get(connection) ?? readAlong(applicationDraws);
      along.set(connection, inside);
      const frames: RecordedFrame[] = [];
      try {
        for (const frame of decoder.push(bytes)) frames.push(understood(from, { ...frame, body: Buffer.from(frame.body) }, inside));
      } catch {
        // No frames at all: the bytes as they are.
      }
      const whole = frames.map(({ bytes: each }) => each).join('');
      spoken.push({ at, connection, from, frames: whole === hex(bytes) ? frames : [{ name: 'bytes', bytes: hex(bytes) }] });
    },
    closed: (from, connection, at) => void spoken.push({ at, connection, from, closes: true }),
  };
};
