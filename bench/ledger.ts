import { createSecretKey } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Worker } from 'node:worker_threads';
import { wall } from '@keyhaven/core/time';
import { type Ledger, openSqliteLedger, type RowKey } from '@keyhaven/ledger';

// What the ledger takes of a login (SPEC P2): clients in a closed loop, each updating as a login and then a logout does (session row
// in or out, pool row changed, one audit entry), beside a bare grouped commit of one 200-byte row per request on the same disk.
// Reference and subject take turns, so that a slow minute of the disk meets both.

export type LedgerFigure = { readonly clients: number; readonly perSecond: number; readonly p50Ms: number; readonly p99Ms: number };
export type LedgerComparison = { readonly bare: LedgerFigure; readonly ledger: LedgerFigure; readonly ratio: number };

type Subject = { request(client: number, round: number): Promise<void>; close(): Promise<void> };

async function openBare(directory: string): Promise<Subject> {
  const worker = new Worker(new URL('./ledger-bare.ts', import.meta.url), { workerData: join(directory, 'bare.db') });
  const text = 'x'.repeat(200);
  let writing: (() => void)[] = [];
  let waiting: (() => void)[] = [];
  const post = (): void => {
    if (writing.length > 0 || waiting.length === 0) return;
    [writing, waiting] = [waiting, []];
    worker.postMessage(writing.map(() => text));
  };
  worker.on('message', () => {
    const done = writing;
    writing = [];
    for (const resolve of done) resolve();
    queueMicrotask(post);
  });
  return {
    request: () =>
      new Promise((resolve) => {
        if (waiting.push(resolve) === 1) queueMicrotask(post);
      }),
    close: () =>
      new Promise((resolve) => {
        worker.on('exit', () => resolve());
        worker.postMessage('close');
      }),
  };
}

type Pool = { readonly used: number; readonly revision: number };

async function openSubject(directory: string): Promise<Subject> {
  const ledger: Ledger = await openSqliteLedger({
    directory: join(directory, 'ledger'),
    now: () => wall(Date.now()),
    authenticationKey: createSecretKey(Buffer.alloc(32, 7)),
  });
  const pool: RowKey = '4711/pool/42';
  const step = (session: RowKey, row: object | undefined, kind: string): Promise<void> =>
    ledger.update([pool, session], (rows) => {
      const { used, revision } = rows.get<Pool>(pool) ?? { used: 0, revision: 0 };
      return {
        changes: [
          { key: session, row },
          { key: pool, row: { feature: 42, limit: 100_000, used: used + (row === undefined ? -1 : 1), revision: revision + 1 } },
        ],
        audit: [{ kind, scope: '4711', detail: { feature: 42, session, user: 'someone', host: 'workstation', pid: 4242 } }],
        reply: undefined,
      };
    });
  return {
    request(client, round) {
      const session: RowKey = `4711/session/${client}-${round >> 1}-0123456789abcdef0123456789ab`;
      if (round % 2 === 1) return step(session, undefined, 'logout');
      return step(
        session,
        { feature: 42, user: 'someone', host: 'workstation', pid: 4242, since: 1_764_000_000_000, token: 'x'.repeat(86) },
        'login',
      );
    },
    close: () => ledger.close(),
  };
}

async function measure(subject: Subject, clients: number, milliseconds: number, firstRound: number): Promise<LedgerFigure> {
  const times: number[] = [];
  const begin = performance.now();
  const end = begin + milliseconds;
  const client = async (number: number): Promise<void> => {
    for (let round = firstRound, now = performance.now(); now < end || round % 2 === 1; round += 1) {
      await subject.request(number, round);
      const then = performance.now();
      times.push(then - now);
      now = then;
    }
  };
  await Promise.all(Array.from({ length: clients }, (_, number) => client(number)));
  const seconds = (performance.now() - begin) / 1_000;
  times.sort((a, b) => a - b);
  const at = (share: number): number => times[Math.floor(times.length * share)] ?? 0;
  return { clients, perSecond: times.length / seconds, p50Ms: at(0.5), p99Ms: at(0.99) };
}

const median = (figures: readonly LedgerFigure[]): LedgerFigure => {
  const sorted = figures.toSorted((a, b) => a.perSecond - b.perSecond);
  const middle = sorted[Math.floor(sorted.length / 2)];
  if (middle === undefined) throw new RangeError('nothing was measured');
  return middle;
};

/** The median of `turns` turns of each, in a directory below `parent`, which decides the file system. */
export async function compareLedger(clients: number, { parent = tmpdir(), turns = 15, turnMs = 200 } = {}): Promise<LedgerComparison> {
  const directory = mkdtempSync(join(parent, 'ledger-bench-'));
  const subjects = { bare: await openBare(directory), ledger: await openSubject(directory) };
  const bare: LedgerFigure[] = [];
  const ledger: LedgerFigure[] = [];
  try {
    for (let turn = 0; turn <= turns; turn += 1) {
      const one = await measure(subjects.bare, clients, turnMs, turn * 1_000_000);
      const two = await measure(subjects.ledger, clients, turnMs, turn * 1_000_000);
      if (turn === 0) continue; // warm-up
      bare.push(one);
      ledger.push(two);
    }
  } finally {
    await Promise.all([subjects.bare.close(), subjects.ledger.close()]);
    rmSync(directory, { recursive: true });
  }
  const [reference, subject] = [median(bare), median(ledger)];
  return { bare: reference, ledger: subject, ratio: subject.perSecond / reference.perSecond };
}

if (import.meta.main) {
  for (const clients of [1, 32]) {
    const { bare, ledger, ratio } = await compareLedger(clients);
    for (const [name, figure] of Object.entries({ bare, ledger })) {
      const { perSecond, p50Ms, p99Ms } = figure;
      console.log(
        `${name}, ${clients} clients: ${Math.round(perSecond)} updates/s, p50 ${p50Ms.toFixed(3)} ms, p99 ${p99Ms.toFixed(3)} ms`,
      );
    }
    console.log(`ratio ${ratio.toFixed(2)}`);
  }
}
