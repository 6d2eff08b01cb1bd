import { Buffer } from 'node:buffer';
import { LicensingError, Status, statusOf } from '@keyhaven/core/errors';
import type { ApplicationIdentity } from '@keyhaven/core/session';
import type { VersionRange } from '@keyhaven/core/versions';
import {
  ATTEMPT_VERSION,
  decodeToApplication,
  encodeRecord,
  encodeToLm,
  FrameDecoder,
  LOCAL_VERSIONS,
  type ToApplication,
  type ToLm,
} from '@keyhaven/core/wire';
import type { LmAddress, Surroundings } from './environment.ts';
import type { Limit } from './limits.ts';
import { type LmEnd, unoffered } from './lm-end.ts';
import { createRequests, type LmRequests } from './lm-requests.ts';
import type { OwnTime } from './own-time.ts';

// One connection to an LM: TCP to the Admin LM of this computer (L3), the standard streams of an External LM, a pipe to the thread of an Integrated
// LM. Says hello, asks questions, carries channels. What is ready in one turn of the event loop is written at once. It has no timers of its own once it
// is made: the LM closes it when it is unused, and whoever needs it makes a new one (L4, A3).

export type ChannelEvents = {
  opened(answer: Uint8Array): void;
  record(record: Uint8Array): void;
  /** `idle`: the LM closed the connection because nobody used it (L4). */
  lost(error: LicensingError, idle: boolean): void;
};

export type LmConnection = LmRequests & {
  readonly alive: boolean;
  /** Of the license manager; empty until it has said it. */
  readonly guid: string;
  /** The error of what it did not answer in time. */
  silence(limit: Limit): LicensingError;
  /** Whether it answers at all: asks it for what it must refuse at once, and waits at most that long. */
  answers(milliseconds: number): Promise<boolean>;
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

/** For what accepts connections, or was started, and says nothing. */
export const SILENCE_REMEDY =
  'It is stopped or hangs, or another program uses its port: restart it. Sessions go on when it answers again; configure({ callTimeoutMs }) waits longer.';

export type ConnectionTime = Pick<OwnTime, 'now' | 'later' | 'afterInput' | 'whenClosed'>;

/**
 * Connects over TCP. Resolves when TCP is connected; the hello is on its way then.
 * @param onClosed called once, with true where the LM closed it for being unused
 * @throws LicensingError LOCAL_COMM_ERR (33)
 */
export const connectToLm = (
  address: LmAddress,
  identity: ApplicationIdentity,
  { dial, time, localVersions }: Pick<Surroundings, 'dial' | 'localVersions'> & { readonly time: ConnectionTime },
  onClosed: (idle: boolean, why: LicensingError) => void,
): Promise<LmConnection> =>
  connectOver(
    { name: `The license manager at ${address.host}:${address.port}`, ready: 'connected', socket: dial(address) },
    identity,
    time,
    onClosed,
    localVersions,
  );

/**
 * Likewise over any stream.
 * @throws LicensingError LOCAL_COMM_ERR (33); where it waits for the answer, also OLD_DRIVER (11), OLD_LM (42) and what else the LM refuses with
 */
export const connectOver = (
  lmEnd: LmEnd,
  identity: ApplicationIdentity,
  time: ConnectionTime,
  onClosed: (idle: boolean, why: LicensingError) => void,
  versions: VersionRange = LOCAL_VERSIONS,
): Promise<LmConnection> =>
  new Promise((resolve, reject) => {
    const { name, remedy, socket } = lmEnd;
    const broken = (detail: string, cause?: unknown): LicensingError =>
      cause instanceof LicensingError ? cause : new LicensingError(Status.LOCAL_COMM_ERR, { detail, cause, remedy });
    const decoder = new FrameDecoder();
    const channels = new Map<number, ChannelEvents>(); // BOUNDED by the keys in use
    let numbers = 0;
    const nextNumber = (): number => (numbers += 1);
    let retained = 0;
    let connected = false;
    let guid = '';
    const version = Promise.withResolvers<number>();
    version.promise.catch(() => undefined);
    if (versions.to < ATTEMPT_VERSION) version.resolve(versions.to);
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
      forget();
      socket.destroy();
      if (!connected && lmEnd.ready === 'answered') lmEnd.abandon?.();
      const idle = time.now() - lastUse >= idleMs * 0.95;
      requests.fail(error);
      version.reject(error);
      const lost = [...channels.values()];
      channels.clear();
      for (const each of lost) each.lost(error, idle);
      if (connected) onClosed(idle, error);
      else reject(error);
    };

    const forget = time.whenClosed((why) => queueMicrotask(() => end(why)));

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
        case 'updated':
        case 'told':
          return requests.take(message);
        case 'welcome':
          if (message.version < versions.from || message.version > versions.to)
            return end(unoffered(name, message.version, versions, remedy));
          ({ idleMs, guid } = message);
          version.resolve(message.version);
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

    const silence = ({ ms }: Limit): LicensingError =>
      new LicensingError(Status.LOCAL_COMM_ERR, {
        detail: `${name} does not answer: nothing came within ${Math.round(ms / 100) / 10} s.`,
        remedy: SILENCE_REMEDY,
      });
    const requests = createRequests({
      say,
      nextNumber,
      version: version.promise,
      silence,
      ended: () => ended,
      end: (detail) => end(broken(detail)),
    });

    const connection: LmConnection = {
      get alive() {
        return ended === undefined;
      },
      get guid() {
        return guid;
      },
      find: requests.find,
      update: requests.update,
      ask: requests.ask,
      transfer: requests.transfer,
      silence,
      answers: (milliseconds) =>
        new Promise((resolved) => {
          if (ended !== undefined) return resolved(false);
          const answered = (): void => {
            connection.release();
            resolved(true);
          };
          connection.retain();
          const cancel = time.later(milliseconds, () => {
            connection.release();
            connection.closeChannel(channel);
            resolved(false);
          });
          // No key has this name, so the license manager refuses it without looking further.
          const channel = connection.openChannel('0', '', new Uint8Array(0), {
            opened: answered,
            record: () => undefined,
            lost(_error, _idle) {
              cancel();
              answered();
            },
          });
        }),
      openChannel(key, lm, opening, events) {
        const channel = nextNumber();
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
      time.later(lmEnd.patienceMs ?? CONNECT_MS, () =>
        time.afterInput(() => {
          if (!connected) end(broken(`${name} does not answer.`));
        }),
      );
    } else {
      const tcp = lmEnd.socket;
      tcp.setTimeout(CONNECT_MS, () =>
        time.afterInput(() => {
          if (!connected) end(broken(`${name} does not accept connections.`));
        }),
      );
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
