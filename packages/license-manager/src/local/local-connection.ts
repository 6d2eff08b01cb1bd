import type { Duplex } from 'node:stream';
import { WireError } from '@keyhaven/core/bytes';
import { LicensingError, Status } from '@keyhaven/core/errors';
import type { Clock } from '@keyhaven/core/time';
import type { VersionRange } from '@keyhaven/core/versions';
import {
  type Ask,
  type ConnectionEvent,
  createListeningConnection,
  type Find,
  type Found,
  type Hello,
  type ToApplication,
  type Transfer,
} from '@keyhaven/core/wire';
import { believed, type Caller, type CallerOf } from '../callers/index.ts';

// The shell around one application's connection: socket and timers here, the protocol in core. Routes each channel to a key here or
// through another LM. A fault ends this connection and nothing else (S6, S14).

/** The way of one channel to its key. */
export type Route = { receive(record: Uint8Array): void; close(): void };
export type RouteEvents = {
  opened(answer: Uint8Array): void;
  record(record: Uint8Array): void;
  lost(error: LicensingError): void;
};

export type LocalConnectionOptions = {
  readonly clock: Clock;
  readonly self: { readonly guid: string; readonly hostname: string; readonly idleMs: number };
  /** That it speaks; absent = all that there are. */
  readonly versions?: VersionRange | undefined;
  /** `isDenial`: finding nothing is the end of the login (C2). */
  find(question: Find, application: Hello, isDenial: boolean): Promise<Found>;
  /** The answer in parts, at least one. */
  ask(question: Ask, application: Hello | undefined): Promise<readonly Uint8Array[]>;
  transfer(wish: Transfer, application: Hello): Promise<readonly Uint8Array[]>;
  open(
    target: { readonly key: string; readonly lm: string; readonly opening: Uint8Array },
    application: Hello,
    events: RouteEvents,
    caller: Caller,
  ): Route;
  /** Who is at the other end, whatever its hello says; absent = who it says. */
  readonly callerOf?: CallerOf;
  update(document: Uint8Array, application: Hello | undefined): Promise<string>;
  onHello(application: Hello): void;
  onClosed(application: Hello | undefined, reason: string): void;
};

/** BOUNDED: bytes waiting for an application that does not read; then its calls are not read either. */
const HIGH_WATER = 1024 * 1024;

export const serveLocalConnection = (socket: Duplex, options: LocalConnectionOptions): void => {
  const { clock } = options;
  const machine = createListeningConnection(clock.mono(), options.self, options.versions);
  const routes = new Map<number, Route>(); // BOUNDED by MAX_CHANNELS of core
  let application: Hello | undefined;
  let caller: Caller | undefined;
  let reason = 'closed by the application';
  let cancelTimeout = (): void => undefined;
  let out: Uint8Array[] = [];

  const flush = (): void => {
    const ready = out;
    out = [];
    if (socket.destroyed || ready.length === 0) return;
    const bytes = ready.length === 1 && ready[0] !== undefined ? ready[0] : Buffer.concat(ready);
    if (!socket.write(bytes) && socket.writableLength > HIGH_WATER) socket.pause();
  };
  const send = (message: ToApplication): void => {
    const bytes = machine.send(clock.mono(), message);
    if (bytes === undefined) return;
    if (out.length === 0) queueMicrotask(flush);
    out.push(bytes);
  };
  const lost = (channel: number, error: LicensingError): void => {
    routes.delete(channel);
    send({ kind: 'lost', channel, status: error.status, detail: error.detail ?? '' });
  };

  const tell = (request: number, answer: Promise<readonly Uint8Array[]>): void => {
    answer.then(
      (parts) => {
        for (const [index, part] of parts.entries())
          send({ kind: 'told', request, status: Status.OK, detail: '', more: index < parts.length - 1, part });
      },
      (error: unknown) => {
        const known = asLicensingError(error);
        send({ kind: 'told', request, status: known.status, detail: known.detail ?? '', more: false, part: new Uint8Array(0) });
      },
    );
  };

  const openChannel = (event: Extract<ConnectionEvent, { kind: 'open' }>, hello: Hello): void => {
    const { channel } = event;
    caller ??= (options.callerOf ?? believed)(socket, hello);
    try {
      const route = options.open(
        event,
        hello,
        {
          opened: (answer) => send({ kind: 'opened', channel, answer }),
          record: (record) => send({ kind: 'record', channel, record }),
          lost: (error) => lost(channel, error),
        },
        caller,
      );
      routes.set(channel, route);
    } catch (error) {
      lost(channel, asLicensingError(error));
    }
  };

  const act = (event: ConnectionEvent): void => {
    switch (event.kind) {
      case 'hello':
        application = event;
        options.onHello(event);
        send({ kind: 'welcome', version: event.version, guid: options.self.guid, hostname: options.self.hostname, idleMs: machine.idleMs });
        return;
      case 'find':
      case 'attempt':
        if (application === undefined) return;
        options.find(event, application, event.kind === 'find').then(
          (found) => send({ kind: 'found', ...found }),
          (error: unknown) => {
            const known = asLicensingError(error);
            send({ kind: 'found', request: event.request, status: known.status, detail: known.detail ?? '', candidates: [] });
          },
        );
        return;
      case 'ask':
        tell(event.request, options.ask(event, application));
        return;
      case 'transfer':
        if (application !== undefined) tell(event.request, options.transfer(event, application));
        return;
      case 'open':
        if (application !== undefined) openChannel(event, application);
        return;
      case 'record':
        routes.get(event.channel)?.receive(event.record);
        return;
      case 'close':
        routes.get(event.channel)?.close();
        routes.delete(event.channel);
        return;
      case 'update':
        options.update(event.document, application).then(
          (detail) => send({ kind: 'updated', request: event.request, status: Status.OK, detail }),
          (error: unknown) => {
            const known = asLicensingError(error);
            send({ kind: 'updated', request: event.request, status: known.status, detail: known.detail ?? '' });
          },
        );
        return;
      case 'closed':
        reason = event.reason;
        flush();
        if (machine.farewell === undefined) socket.end();
        else socket.end(machine.farewell);
        return;
    }
  };

  const watchTime = (): void => {
    const next = machine.nextTimeout();
    if (next === undefined) return;
    // Activity only moves the deadline; the timer is set again when it fires, not at every byte.
    cancelTimeout = clock.after(Math.max(1, next - clock.mono()), () => {
      for (const event of machine.timeout(clock.mono())) act(event);
      watchTime();
    });
  };

  socket.on('data', (chunk: Uint8Array) => {
    for (const event of machine.receive(clock.mono(), chunk)) act(event);
  });
  socket.on('drain', () => socket.resume());
  socket.once('close', () => {
    cancelTimeout();
    for (const route of routes.values()) route.close();
    routes.clear();
    options.onClosed(application, reason);
  });
  watchTime();
};

export const asLicensingError = (error: unknown): LicensingError => {
  if (error instanceof LicensingError) return error;
  if (error instanceof WireError) return new LicensingError(Status.SCHAN_ERR, { detail: error.message });
  return new LicensingError(Status.INT_ERR, { cause: error });
};
