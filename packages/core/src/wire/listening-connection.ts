import type { Buffer } from 'node:buffer';
import { WireError } from '../bytes/index.ts';
import { LicensingError, Status, type StatusCode } from '../errors/index.ts';
import { MINUTE, type Mono, mono, SECOND } from '../time/index.ts';
import { chooseVersion, type VersionRange } from '../versions/index.ts';
import { type Frame, FrameDecoder, MAX_FRAME } from './frame.ts';
import {
  ATTEMPT_VERSION,
  decodeToLm,
  encodeToApplication,
  type Hello,
  LOCAL_VERSIONS,
  type ToApplication,
  type ToLm,
  versionsIn,
} from './local.ts';

// The LM's end of one application's connection: bytes and time in, events out; no socket, no clock (sans-IO). States: waiting for the
// hello, open, closed. Until the hello a connection may cost 4 KiB and ten seconds, not more (I5). A fault closes this connection and
// nothing else (S6). docs/protocol/local.md W3 to W8.

/** L4: a connection unused for so long may be closed; the session survives. Default ten minutes, floor seven. */
export const DEFAULT_IDLE_MS = 10 * MINUTE;
export const MIN_IDLE_MS = 7 * MINUTE;
const HELLO_MS = 10 * SECOND;
const HELLO_FRAME = 4 * 1024;
/** Whose upgrade a refusal asks for (T6). */
const SPOKEN = {
  protocol: 'local protocol',
  beginning: 'the Licensing API of the application',
  answering: 'the license manager of this computer',
} as const;
/** BOUNDED: open channels of one connection. */
export const MAX_CHANNELS = 1_024;

export type ConnectionEvent =
  | Exclude<ToLm, { readonly kind: 'hello' }>
  /** `version` is the highest that both ends speak (T6). */
  | ({ readonly kind: 'hello'; readonly version: number } & Hello)
  | { readonly kind: 'closed'; readonly reason: string };

export type ListeningConnection = {
  receive(now: Mono, bytes: Uint8Array): ConnectionEvent[];
  /** To be called at `nextTimeout`; earlier calls do no harm. */
  timeout(now: Mono): ConnectionEvent[];
  /** undefined once closed. */
  nextTimeout(): Mono | undefined;
  /** Bytes to write for a message; nothing once closed. To send is to use the connection, too (L4). */
  send(now: Mono, message: ToApplication): Buffer | undefined;
  /** What the welcome says about L4. */
  readonly idleMs: number;
  /** What is to be written before the socket is closed, after a `closed` event. */
  readonly farewell: Buffer | undefined;
};

export const createListeningConnection = (
  now: Mono,
  self: { readonly guid: string; readonly hostname: string; readonly idleMs: number },
  versions: VersionRange = LOCAL_VERSIONS,
): ListeningConnection => {
  const idleMs = Math.max(self.idleMs, MIN_IDLE_MS);
  const decoder = new FrameDecoder(MAX_FRAME);
  let state: 'waiting' | 'open' | 'closed' = 'waiting';
  /** Once it is open. */
  let spoken = 0;
  let deadline = mono(now + HELLO_MS);
  let farewell: Buffer | undefined;
  const channels = new Set<number>(); // BOUNDED by MAX_CHANNELS

  const close = (reason: string, status?: StatusCode): ConnectionEvent => {
    state = 'closed';
    if (status !== undefined) farewell = encodeToApplication({ kind: 'refused', status, detail: reason });
    return { kind: 'closed', reason };
  };

  const accept = (frame: Frame): ConnectionEvent => {
    const version = state === 'waiting' ? chooseVersion(versions, versionsIn(frame), SPOKEN) : undefined;
    const message = decodeToLm(frame);
    switch (message.kind) {
      case 'hello':
        if (version === undefined) throw new WireError('a second hello');
        state = 'open';
        spoken = version;
        return { ...message, version };
      case 'open':
        if (channels.has(message.channel)) throw new WireError(`channel ${message.channel} is open already`);
        if (channels.size >= MAX_CHANNELS) return close(`more than ${MAX_CHANNELS} channels`, Status.TMOF);
        channels.add(message.channel);
        return message;
      case 'close':
        channels.delete(message.channel);
        return message;
      case 'attempt':
        if (spoken < ATTEMPT_VERSION) throw new WireError(`an attempt in version ${spoken}`);
        return message;
      case 'find':
      case 'ask':
      case 'transfer':
      case 'record':
      case 'update':
        return message;
    }
  };

  return {
    receive(at, bytes) {
      if (state === 'closed') return [];
      if (state === 'open') deadline = mono(at + idleMs);
      const events: ConnectionEvent[] = [];
      try {
        for (const frame of decoder.push(bytes, state === 'waiting' ? HELLO_FRAME : MAX_FRAME)) {
          const event = accept(frame);
          events.push(event);
          if (event.kind === 'closed') break;
          if (event.kind === 'hello') deadline = mono(at + idleMs);
        }
      } catch (error) {
        if (error instanceof LicensingError) events.push(close(error.detail ?? '', error.status));
        else if (error instanceof WireError) events.push(close(`broken protocol: ${error.message}`, Status.LOCAL_COMM_ERR));
        else throw error;
      }
      return events;
    },
    timeout(at) {
      if (state === 'closed' || at < deadline) return [];
      return [close(state === 'waiting' ? 'no hello in time' : 'unused for too long')];
    },
    nextTimeout: () => (state === 'closed' ? undefined : deadline),
    idleMs,
    send(at, message) {
      if (state === 'closed') return undefined;
      if (state === 'open') deadline = mono(at + idleMs);
      if (message.kind === 'lost') channels.delete(message.channel);
      return encodeToApplication(message);
    },
    get farewell() {
      return farewell;
    },
  };
};
