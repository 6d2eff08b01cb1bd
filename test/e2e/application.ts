import { createServer } from 'node:net';
import { createInterface } from 'node:readline';
import { configure, getInfo, LicensingError, type LoginOptions, login, type Session, type SessionEvent } from '@keyhaven/licensing-api';
import { createLicensing } from '@keyhaven/licensing-api/licensing';
import { ownIdentity, systemEntropy } from '../../packages/licensing-api/src/environment.ts';

// A protected application that does what it is told: `node application.ts SOCKET` listens on that unix socket, which crosses network
// namespaces, and answers each JSON line with one. Licenses go the ordinary way, through the LM of its own computer.

export type Command =
  | { readonly do: 'login'; readonly options: LoginOptions }
  /** A login on a connection of its own, by an application that says of its process what it likes, at that port of this computer. */
  | { readonly do: 'claim'; readonly options: LoginOptions; readonly claim: Partial<Claim>; readonly port: number }
  /** Aborts the logins that wait. */
  | { readonly do: 'give up' }
  | { readonly do: 'places' }
  | { readonly do: 'logout' | 'info' | 'events'; readonly session: string }
  /** The XML of a format: of a session, or of what is there. */
  | { readonly do: 'format'; readonly session: string; readonly format: string }
  | { readonly do: 'ask'; readonly question: Pick<LoginOptions, 'vendorCode' | 'scope'>; readonly format: string }
  | { readonly do: 'read'; readonly session: string; readonly file: number; readonly offset: number; readonly length: number }
  | { readonly do: 'write'; readonly session: string; readonly file: number; readonly offset: number; readonly data: string }
  | { readonly do: 'consume'; readonly session: string; readonly executions: number }
  | { readonly do: 'encrypt' | 'decrypt'; readonly session: string; readonly data: string };
export type Claim = { readonly pid: number; readonly start: number };
export type Answer =
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly refused: { readonly status: number; readonly message: string } };

const sessions = new Map<string, { readonly session: Session; readonly events: SessionEvent[] }>();

// On a busy computer the start of a license manager takes longer than the ten seconds of a call.
const callTimeoutMs = process.env['APPLICATION_CALL_TIMEOUT_MS'];
if (callTimeoutMs !== undefined) configure({ callTimeoutMs: Number(callTimeoutMs) });

let patience = new AbortController();
/** The places in line that this application was told. */
const places: number[] = [];

const sessionOf = (id: string): Session => {
  const known = sessions.get(id);
  if (known === undefined) throw new Error(`this application has no session ${id}`);
  return known.session;
};

export const obey = async (command: Command): Promise<unknown> => {
  switch (command.do) {
    case 'login': {
      const patient = { signal: patience.signal, onWaiting: (place: number) => void places.push(place) };
      const session = await login({ ...command.options, ...(command.options.wait === undefined ? {} : patient) });
      const events: SessionEvent[] = [];
      for (const event of ['lost', 'restored'] as const) session.on(event, () => events.push(event));
      session.on('expiring', () => events.push('expiring'));
      sessions.set(session.id, { session, events });
      const { id, key, product, feature, licenseManager } = session;
      return { id, key, product, feature, licenseManager };
    }
    case 'claim': {
      const address = { host: '127.0.0.1', port: command.port };
      const session = await createLicensing(address, { ...ownIdentity(), ...command.claim }, systemEntropy).login(command.options);
      sessions.set(session.id, { session, events: [] });
      const { id, key, product, feature, licenseManager } = session;
      return { id, key, product, feature, licenseManager };
    }
    case 'give up':
      patience.abort();
      patience = new AbortController();
      return undefined;
    case 'places':
      return places;
    case 'logout':
      return sessionOf(command.session).logout();
    case 'info':
      return sessionOf(command.session).info();
    case 'format':
      return sessionOf(command.session).info(command.format);
    case 'ask':
      return getInfo({ ...command.question, format: command.format });
    case 'events':
      return sessions.get(command.session)?.events;
    case 'read': {
      const { session, file, offset, length } = command;
      return Buffer.from(await sessionOf(session).read({ file, offset, length })).toString('hex');
    }
    case 'write': {
      const { session, file, offset, data } = command;
      return sessionOf(session).write({ file, offset, data: Buffer.from(data, 'hex') });
    }
    case 'consume':
      return sessionOf(command.session).consume(command.executions);
    case 'encrypt':
      return Buffer.from(await sessionOf(command.session).encrypt(Buffer.from(command.data, 'hex'))).toString('hex');
    case 'decrypt':
      return Buffer.from(await sessionOf(command.session).decrypt(Buffer.from(command.data, 'hex'))).toString('hex');
  }
};

/** Listens on that unix socket and does what it is told. */
export const serve = (path: string | undefined): void => {
  const server = createServer((socket) => {
    const answer = (message: Answer): void => void socket.write(`${JSON.stringify(message)}\n`);
    socket.on('error', () => undefined);
    createInterface({ input: socket }).on('line', (line) => {
      const { id, ...command } = JSON.parse(line) as Command & { readonly id: number };
      obey(command).then(
        (value) => answer({ id, value: value ?? null }),
        (error: unknown) => {
          if (error instanceof LicensingError) return answer({ id, refused: { status: error.status, message: error.message } });
          answer({ id, refused: { status: -1, message: error instanceof Error ? (error.stack ?? error.message) : String(error) } });
        },
      );
    });
  });
  server.listen(path, () => process.stdout.write('ready\n'));
};

if (import.meta.main) serve(process.argv[2]);
