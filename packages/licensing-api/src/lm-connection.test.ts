import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { createServer, type Socket } from 'node:net';
import { LicensingError } from '@keyhaven/core/errors';
import { decodeToLm, encodeToApplication, FrameDecoder, type ToApplication, type ToLm } from '@keyhaven/core/wire';
import { describe, expect, it, onTestFinished } from 'vitest';
import { ownIdentity, systemSurroundings } from './environment.ts';
import { testLimit, testTime } from './limits.testing.ts';
import { connectToLm, type LmConnection } from './lm-connection.ts';

// The application's end of its connection, against something that may be no LM.

const limit = testLimit();
const question = { vendor: 7, vendorKey: Buffer.alloc(32), feature: 42, scope: '' };
const welcome: ToApplication = { kind: 'welcome', version: 1, guid: 'g', hostname: 'h', idleMs: 600_000 };

/** Serves one connection as told. */
const against = async (serve: (socket: Socket) => void): Promise<{ readonly connection: LmConnection; readonly closed: boolean[] }> => {
  const server = createServer(serve).listen(0, '127.0.0.1');
  await once(server, 'listening');
  onTestFinished(() => void server.close());
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the system names no port');
  const closed: boolean[] = [];
  const connection = await connectToLm(
    { host: '127.0.0.1', port: address.port },
    ownIdentity(),
    { ...systemSurroundings, time: testTime() },
    (idle) => closed.push(idle),
  );
  onTestFinished(() => connection.close());
  return { connection, closed };
};
/** Answers each message of the application. */
const lm =
  (answer: (message: ToLm, socket: Socket) => readonly ToApplication[]) =>
  (socket: Socket): void => {
    const decoder = new FrameDecoder();
    socket.on('data', (chunk: Buffer) => {
      for (const frame of decoder.push(chunk))
        for (const message of answer(decodeToLm(frame), socket)) socket.write(encodeToApplication(message));
    });
  };
const failure = async (work: Promise<unknown>): Promise<LicensingError> => {
  const error: unknown = await work.catch((reason: unknown) => reason);
  if (!(error instanceof LicensingError)) throw new Error(`expected a LicensingError, got ${String(error)}`);
  return error;
};

describe('a connection to an LM', () => {
  it('answers each question with its own answer, in whatever order they come', async () => {
    const late: ToApplication[] = [];
    const { connection } = await against(
      lm((message) => {
        if (message.kind === 'hello') return [welcome];
        if (message.kind !== 'find') return [];
        late.push({ kind: 'found', request: message.request, status: message.feature, detail: '', candidates: [] });
        return late.length === 3 ? late.toReversed() : [];
      }),
    );
    const found = await Promise.all([31, 38, 50].map((feature) => connection.find({ ...question, feature }, limit)));
    expect(found.map((each) => each.status)).toEqual([31, 38, 50]);
  });

  it('sends no update that is longer than a frame can carry, and lives on', async () => {
    const { connection } = await against(lm((message) => (message.kind === 'hello' ? [welcome] : [])));
    expect((await failure(connection.update(new Uint8Array(1024 * 1024), limit))).status).toBe(501);
    expect(connection.alive).toBe(true);
  });

  it('ends every question with 33 when the other end closes, and says so once', async () => {
    const { connection, closed } = await against(lm((message, socket) => (message.kind === 'find' ? (socket.destroy(), []) : [welcome])));
    const both = await Promise.all([failure(connection.find(question, limit)), failure(connection.update(new Uint8Array(1), limit))]);
    expect(both.map((error) => error.status)).toEqual([33, 33]);
    expect([connection.alive, closed]).toEqual([false, [false]]);
    expect((await failure(connection.find(question, limit))).status).toBe(33);
  });

  it.each([
    ['something that is no LM', 'HTTP/1.1 400 Bad Request\r\n\r\n'],
    ['a frame that is longer than any may be', Buffer.from('00ffffff01', 'hex')],
    ['an empty frame', Buffer.alloc(4)],
  ])('ends with 33 where %s answers (I5)', async (_name, bytes) => {
    const { connection } = await against((socket) => void socket.write(bytes));
    const error = await failure(connection.find(question, limit));
    expect(error).toMatchObject({ status: 33 });
    expect(error.message).toContain('does not speak the protocol');
  });

  it('tells why the LM refused it', async () => {
    const { connection } = await against(
      lm(() => [{ kind: 'refused', status: 11, detail: 'the application speaks up to version 0 only' }]),
    );
    const error = await failure(connection.find(question, limit));
    expect(error).toMatchObject({ status: 11 });
    expect(error.message).toContain('version 0');
  });

  it('refuses an LM that answers with a version it does not speak (T6)', async () => {
    const { connection } = await against(lm(() => [{ ...welcome, version: 9 }]));
    expect((await failure(connection.find(question, limit))).status).toBe(11);
  });

  const asked = { vendor: 7, vendorKey: Buffer.alloc(32), wanted: 0, scope: '' };
  const part = (request: number, text: string, more: boolean): Extract<ToApplication, { readonly kind: 'told' }> => ({
    kind: 'told',
    request,
    status: 0,
    detail: '',
    more,
    part: Buffer.from(text),
  });

  it('puts the parts of each answer together, also where those of two come mixed', async () => {
    const requests: number[] = [];
    const { connection } = await against(
      lm((message) => {
        if (message.kind === 'hello') return [welcome];
        if (message.kind !== 'ask') return [];
        requests.push(message.request);
        const [first = 0, second = 0] = requests;
        if (requests.length < 2) return [];
        return [part(second, 'a', true), part(first, '1', true), part(first, '2', false), part(second, '', true), part(second, 'b', false)];
      }),
    );
    expect(await Promise.all([connection.ask(asked, limit), connection.ask(asked, limit)])).toEqual(['12', 'ab']);
  });

  it('tells why nothing was told', async () => {
    const { connection } = await against(
      lm((message) =>
        message.kind === 'ask' ? [{ ...part(message.request, '', false), status: 50, detail: 'Nothing is left.' }] : [welcome],
      ),
    );
    expect(await failure(connection.ask(asked, limit))).toMatchObject({ status: 50, detail: 'Nothing is left.' });
  });

  it('ends with 33 where an answer has no end (I5)', async () => {
    const { connection } = await against(
      lm((message, socket) => {
        if (message.kind !== 'ask') return [welcome];
        const chunk = encodeToApplication(part(message.request, 'x'.repeat(1_000_000), true));
        const more = (): void => {
          while (!socket.destroyed && socket.write(chunk));
        };
        socket.on('drain', more).on('error', () => undefined);
        more();
        return [];
      }),
    );
    expect(await failure(connection.ask(asked, limit))).toMatchObject({ status: 33, detail: 'The license manager does not stop talking.' });
    expect(connection.alive).toBe(false);
  });

  it('ignores what nobody asked for', async () => {
    const { connection } = await against(
      lm((message) => {
        if (message.kind === 'hello')
          return [
            welcome,
            { kind: 'record', channel: 9, record: Buffer.alloc(40) },
            { kind: 'opened', channel: 9, answer: Buffer.alloc(1) },
          ];
        if (message.kind !== 'find') return [];
        const found: ToApplication = { kind: 'found', request: message.request, status: 0, detail: '', candidates: [] };
        return [{ ...found, request: message.request + 1 }, { kind: 'updated', request: 77, status: 0, detail: '' }, found, found];
      }),
    );
    expect((await connection.find(question, limit)).status).toBe(0);
    expect(connection.alive).toBe(true);
  });
});
