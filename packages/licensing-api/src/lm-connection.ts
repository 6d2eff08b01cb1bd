import { Buffer } from 'node:buffer';
import { LicensingError, Status, statusOf } from '@keyhaven/core/errors';
import type { ApplicationIdentity } from '@keyhaven/core/session';
import type { VersionRange } from '@keyhaven/core/versions';
import {
  type Ask,
  decodeToApplication,
  encodeRecord,
  encodeToLm,
  type Find,
  type Found,
  FrameDecoder,
  LOCAL_VERSIONS,
  MAX_UPDATE,
  type ToApplication,
  type ToLm,
  type Told,
  type Transfer,
} from '@keyhaven/core/wire';
import type { LmAddress, Surroundings } from './environment.ts';
import { type LmEnd, unoffered } from './lm-end.ts';

// One connection to an LM: TCP to the Admin LM of this computer (L3), the standard streams of an External LM, a pipe to the thread of an Integrated
// LM. Says hello, asks questions, carries channels. What is ready in one turn of the event loop is written at once. It has no timers of its own once it
// is made: the LM closes it when it is unused, and whoever needs it makes a new one (L4, A3).

export type ChannelEvents = {
  opened(answer: Uint8Array): void;
  record(record: Uint8Array): void;
  /** `idle`: the LM closed the connection because nobody used it (L4). */
  lost(error: LicensingError, idle: boolean): void;
};

export type LmConnection = {
  readonly alive: boolean;
  find(question: Omit<Find, 'request'>): Promise<Found>;
  update(document: Uint8Array): Promise<string>;
  /** The answer, which is JSON. */
  ask(question: Omit<Ask, 'request'>): Promise<string>;
  transfer(wish: Omit<Transfer, 'request'>): Promise<string>;
  /** Opens a channel; its number is for `send` and `closeChannel`. */
  openChannel(key: string, lm: string, opening: Uint8Array, events: ChannelEvents): number;
  send(channel: number, record: Uint8Array): void;
  closeChannel(channel: number): void;
  /** Something is awaited: the process stays alive until `release`. */
  retain(): void;
  release(): void;
  close(): void;
};

/** How long the LM may take to accept the connection, or to answer on it. */
const CONNECT_MS = 5_000;

/** BOUNDED: bytes of an answer in parts. */
const MAX_ANSWER = 64 * 1024 * 1024;
/** What a part counts besides its bytes, so that empty ones are not without end. */
const PART_COST = 64;

type Waiting = {
  readonly found?: (found: Found) => void;
  readonly updated?: (message: Extract<ToApplication, { kind: 'updated' }>) => void;
  readonly told?: (message: Told) => void;
  readonly fail: (error: LicensingError) => void;
};

/**
 * Connects over TCP. Resolves when TCP is connected; the hello is on its way then.
 * @param onClosed called once, with true where the LM closed it for being unused
 * @throws LicensingError LOCAL_COMM_ERR (33)
 */
export const connectToLm = (
  address: LmAddress,
  identity: ApplicationIdentity,
  { dial, time }: Pick<Surroundings, 'dial' | 'time'>,
  onClosed: (idle: boolean, why: LicensingError) => void,
): Promise<LmConnection> =>
  connectOver(
    { name: `The license manager at ${address.host}:${address.port}`, ready: 'connected', socket: dial(address) },
    identity,
    time,
    onClosed,
  );

/**
 * Likewise over any stream.
 * @throws LicensingError LOCAL_COMM_ERR (33); where it waits for the answer, also OLD_DRIVER (11), OLD_LM (42) and what else the LM refuses with
 */
export const connectOver = (
  lmEnd: LmEnd,
  identity: ApplicationIdentity,
  time: Surroundings['time'],
  onClosed: (idle: boolean, why: LicensingError) => void,
  versions: VersionRange = LOCAL_VERSIONS,
): Promise<LmConnection> =>
  new Promise((resolve, reject) => {
    const { name, remedy, socket } = lmEnd;
    const broken = (detail: string, cause?: unknown): LicensingError =>
      cause instanceof LicensingError ? cause : new LicensingError(Status.LOCAL_COMM_ERR, { detail, cause, remedy });
    const decoder = new FrameDecoder();
    const channels = new Map<number, ChannelEvents>(); // BOUNDED by the keys in use
    const waiting = new Map<number, Waiting>(); // BOUNDED by questions under way
    let nextNumber = 1;
    let retained = 0;
    let connected = false;
    let idleMs = Number.POSITIVE_INFINITY;
    let lastUse = time.now();
    let out: Uint8Array[] = [];
    let ended: LicensingError | undefined;

    const flush = (): void => {
      const ready = out;
      out = [];
      if (ended !== undefined || ready.length === 0) return;
      lastUse = time.now();
      socket.write(ready.length === 1 && ready[0] !== undefined ? ready[0] : Buffer.concat(ready));
    };
    const write = (bytes: Uint8Array): void => {
      if (out.length === 0) queueMicrotask(flush);
      out.push(bytes);
    };
    const say = (message: ToLm): void => write(encodeToLm(message));

    const end = (error: LicensingError): void => {
      if (ended !== undefined) return;
      ended = error;
      socket.destroy();
      if (!connected && lmEnd.ready === 'answered') lmEnd.abandon?.();
      const idle = time.now() - lastUse >= idleMs * 0.95;
      for (const each of waiting.values()) each.fail(error);
      waiting.clear();
      const lost = [...channels.values()];
      channels.clear();
      for (const each of lost) each.lost(error, idle);
      if (connected) onClosed(idle, error);
      else reject(error);
    };

    const take = (message: ToApplication): void => {
      switch (message.kind) {
        case 'record':
          return channels.get(message.channel)?.record(message.record);
        case 'opened':
          return channels.get(message.channel)?.opened(message.answer);
        case 'lost': {
          const channel = channels.get(message.channel);
          channels.delete(message.channel);
          return channel?.lost(new LicensingError(statusOf(message.status) ?? Status.INT_ERR, { detail: message.detail }), false);
        }
        case 'found':
          waiting.get(message.request)?.found?.(message);
          waiting.delete(message.request);
          return;
        case 'updated':
          waiting.get(message.request)?.updated?.(message);
          waiting.delete(message.request);
          return;
        case 'told':
          waiting.get(message.request)?.told?.(message);
          if (!message.more) waiting.delete(message.request);
          return;
        case 'welcome':
          if (message.version < versions.from || message.version > versions.to)
            return end(unoffered(name, message.version, versions, remedy));
          idleMs = message.idleMs;
          if (!connected) begin();
          return;
        case 'refused':
          return end(
            new LicensingError(statusOf(message.status) ?? Status.LOCAL_COMM_ERR, {
              detail: message.detail,
              ...(message.status === Status.OLD_LM ? { remedy } : {}),
            }),
          );
      }
    };

    const ask = <T>(make: (request: number, settle: (value: T) => void) => { message: ToLm; waiting: Omit<Waiting, 'fail'> }): Promise<T> =>
      new Promise((settle, fail) => {
        if (ended !== undefined) return fail(ended);
        const request = nextNumber++;
        const { message, waiting: of } = make(request, settle);
        waiting.set(request, { ...of, fail });
        say(message);
      });

    /** An answer that comes in parts. */
    const gather = async (question: (request: number) => ToLm): Promise<string> => {
      const parts: Uint8Array[] = []; // BOUNDED by MAX_ANSWER
      let size = 0;
      const last = await ask<Told>((request, settle) => ({
        message: question(request),
        waiting: {
          told(message) {
            size += message.part.length + PART_COST;
            if (size > MAX_ANSWER) end(broken('The license manager does not stop talking.'));
            // A copy: the message is a view on what the socket read.
            else parts.push(new Uint8Array(message.part));
            if (!message.more) settle(message);
          },
        },
      }));
      if (last.status !== Status.OK) throw new LicensingError(statusOf(last.status) ?? Status.INT_ERR, { detail: last.detail });
      return Buffer.concat(parts).toString('utf8');
    };

    const connection: LmConnection = {
      get alive() {
        return ended === undefined;
      },
      find: (question) => ask<Found>((request, found) => ({ message: { kind: 'find', request, ...question }, waiting: { found } })),
      async update(document) {
        if (document.length > MAX_UPDATE) {
          throw new LicensingError(Status.INVALID_PARAMETER, {
            detail: 'The document is larger than a mebibyte.',
            remedy: 'Apply it with keyhaven apply.',
          });
        }
        const reply = await ask<Extract<ToApplication, { kind: 'updated' }>>((request, updated) => ({
          message: { kind: 'update', request, document },
          waiting: { updated },
        }));
        if (reply.status !== Status.OK) throw new LicensingError(statusOf(reply.status) ?? Status.INT_ERR, { detail: reply.detail });
        return reply.detail;
      },
      ask: (question) => gather((request) => ({ kind: 'ask', request, ...question })),
      transfer: (wish) => gather((request) => ({ kind: 'transfer', request, ...wish })),
      openChannel(key, lm, opening, events) {
        const channel = nextNumber++;
        channels.set(channel, events);
        say({ kind: 'open', channel, key, lm, opening });
        return channel;
      },
      send: (channel, record) => write(encodeRecord(channel, record)),
      closeChannel(channel) {
        if (channels.delete(channel)) say({ kind: 'close', channel });
      },
      retain() {
        retained += 1;
        if (retained === 1) socket.ref();
      },
      release() {
        retained -= 1;
        if (retained === 0) socket.unref();
      },
      close: () => end(broken('The connection was closed.')),
    };

    const begin = (): void => {
      connected = true;
      if (retained === 0) socket.unref();
      resolve(connection);
    };
    const hello = (): void => say({ kind: 'hello', ...identity, ...versions });
    if (lmEnd.ready === 'answered') {
      hello();
      time.later(CONNECT_MS, () => {
        if (!connected) end(broken(`${name} does not answer.`));
      });
    } else {
      const tcp = lmEnd.socket;
      tcp.setTimeout(CONNECT_MS, () => {
        if (!connected) end(broken(`${name} does not accept connections.`));
      });
      tcp.once('connect', () => {
        tcp.setTimeout(0);
        begin();
        hello();
      });
    }
    socket.on('data', (chunk: Buffer) => {
      lastUse = time.now();
      try {
        for (const frame of decoder.push(chunk)) take(decodeToApplication(frame));
      } catch (cause) {
        end(broken('What answers there does not speak the protocol of a license manager.', cause));
      }
    });
    socket.on('error', (cause: NodeJS.ErrnoException) => {
      const refused = cause.code === 'ECONNREFUSED';
      end(broken(refused ? `${name} does not run.` : cause.message, cause));
    });
    socket.on('close', () => end(broken(`${name} closed the connection.`)));
  });
