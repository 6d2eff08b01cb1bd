import { connect, type Socket } from 'node:net';
import type { Session } from '@keyhaven/licensing-api';
import { type Figure, median } from './figures.ts';
import { type Placement, place, placements } from './placement.ts';
import { type Child, startChild } from './site.ts';

// P1: a session call beside a bare Node TCP echo of the same bytes. Rounds of both alternate, so that a machine that gets slower or faster
// meanwhile meets both; a round gives the mean of its calls, and the median of the rounds counts. Where the two sides run decides more than
// what they do (docs/decisions/0004-performance.md), so both are measured in each placement.

const ROUNDS = 15;
const CALLS = 2_000;
const PIPELINED = 40_000;
const OUTSTANDING = 64;

type Echo = {
  readonly pid: number;
  once(): Promise<void>;
  many(count: number, outstanding: number): Promise<void>;
  close(): Promise<void>;
};

const openEcho = async (bytes: number): Promise<Echo> => {
  const server: Child = await startChild([new URL('./reference/echo-server.ts', import.meta.url).pathname]);
  const socket: Socket = connect({ port: Number(server.firstLine), host: '127.0.0.1', noDelay: true });
  await new Promise((done) => socket.once('connect', done));
  const message = Buffer.alloc(bytes, 1);
  let got = 0;
  let waiting: (() => void)[] = [];
  socket.on('data', (chunk) => {
    got += chunk.length;
    while (got >= bytes) {
      got -= bytes;
      waiting.shift()?.();
    }
  });
  let queued = 0;
  // As our own client does: what is asked for in one turn is written at once.
  const send = (): Promise<void> =>
    new Promise((done) => {
      waiting.push(done);
      queued += 1;
      if (queued > 1) return;
      queueMicrotask(() => {
        const count = queued;
        queued = 0;
        socket.write(count === 1 ? message : Buffer.concat(Array<Buffer>(count).fill(message)));
      });
    });
  return {
    pid: server.process.pid ?? 0,
    once: send,
    async many(count, outstanding) {
      let left = count;
      const worker = async (): Promise<void> => {
        while (left-- > 0) await send();
      };
      await Promise.all(Array.from({ length: outstanding }, worker));
    },
    async close() {
      waiting = [];
      socket.destroy();
      await server.stop();
    },
  };
};

const timed = async (work: () => Promise<void>): Promise<number> => {
  const from = performance.now();
  await work();
  return performance.now() - from;
};

const oneByOne = (count: number, call: () => Promise<unknown>) => async (): Promise<void> => {
  for (let i = 0; i < count; i++) await call();
};

/** Bytes on the wire of a call and its reply, for the echo: frame 9, record 24, call or reply 10 to 25, and the data. */
const READ_BYTES = 9 + 24 + 26;
const ENCRYPT_BYTES = 9 + 24 + 13 + 1_024 + 20;

export const benchCalls = async (session: Session, lmPid: number): Promise<Figure[]> => {
  const plain = new Uint8Array(1_024).fill(7);
  const read = () => session.read({ file: 65_524, offset: 0, length: 16 });
  const encrypt = () => session.encrypt(plain);
  const figures: Figure[] = [];

  const compare = async (
    what: string,
    bytes: number,
    call: () => Promise<unknown>,
    target: number,
    placement: Placement,
  ): Promise<void> => {
    const echo = await openEcho(bytes);
    const release = place(placement, lmPid, echo.pid);
    await oneByOne(CALLS, call)();
    await oneByOne(CALLS, echo.once)();
    const ours: number[] = [];
    const theirs: number[] = [];
    for (let round = 0; round < ROUNDS; round++) {
      theirs.push((await timed(oneByOne(CALLS, echo.once))) / CALLS);
      ours.push((await timed(oneByOne(CALLS, call))) / CALLS);
    }
    release();
    await echo.close();
    const [value, reference] = [median(ours) * 1_000, median(theirs) * 1_000];
    const referenceIs = `bare TCP echo of ${bytes} bytes`;
    figures.push({
      clause: 'P1',
      what: `${what}, ${placement}`,
      value,
      reference,
      unit: 'us',
      referenceIs,
      ratio: value / reference,
      target: { atMost: target },
    });
  };
  for (const placement of placements()) {
    await compare('16-byte read', READ_BYTES, read, 1.5, placement);
    await compare('1 KiB encrypt', ENCRYPT_BYTES, encrypt, 2.5, placement);
  }

  const echo = await openEcho(READ_BYTES);
  const manyReads = async (count: number): Promise<void> => {
    let left = count;
    const worker = async (): Promise<void> => {
      while (left-- > 0) await read();
    };
    await Promise.all(Array.from({ length: OUTSTANDING }, worker));
  };
  await manyReads(PIPELINED);
  await echo.many(PIPELINED, OUTSTANDING);
  const ours: number[] = [];
  const theirs: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    theirs.push(PIPELINED / (await timed(() => echo.many(PIPELINED, OUTSTANDING))));
    ours.push(PIPELINED / (await timed(() => manyReads(PIPELINED))));
  }
  await echo.close();
  const [value, reference] = [median(ours) * 1_000, median(theirs) * 1_000];
  figures.push({
    clause: 'P1',
    what: `16-byte reads, ${OUTSTANDING} outstanding`,
    value,
    reference,
    unit: '/s',
    referenceIs: `bare TCP echo, ${OUTSTANDING} outstanding`,
    ratio: value / reference,
    target: { atLeast: 0.25 },
  });
  return figures;
};
