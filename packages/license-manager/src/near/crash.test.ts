import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import type { PoolRow, SessionRow } from '@keyhaven/core/seats';
import { mono } from '@keyhaven/core/time';
import { openSharedLedger } from '@keyhaven/ledger';
import { createTestVendor } from '@keyhaven/testkit/local-lm';
import { expect, it, onTestFinished } from 'vitest';
import { openBinding, systemEntropy, userStoreMarks } from '../machine/index.ts';
import { openNearLm, sharedClock, thisComputer } from './index.ts';
import { catalog } from './near.testing.ts';

// Real processes on one store, killed at any moment (T3, T4, I1): in a transaction, between two, while they start.

const SEATS = 3;
const PROCESSES = 4;
const KILLS = 8;
const PROGRAM = new URL('./crash-near.testing.ts', import.meta.url).pathname;

it('near LMs that are killed at random never exceed the seats, and leave none taken for longer than they may', {
  timeout: 60_000,
}, async () => {
  const directory = await mkdtemp(join(tmpdir(), 'keyhaven-crash-'));
  onTestFinished(() => rm(directory, { recursive: true }));
  const vendor = createTestVendor(catalog(SEATS));
  const maker = await openNearLm({ kind: 'integrated', vendor: 7, directory });
  await maker.apply(vendor.issue(await maker.c2v({ vendorCode: vendor.vendorCode })));
  await maker.close();

  const working = new Set<ChildProcess>(); // BOUNDED by KILLS
  let grants = 0;
  let failure = '';
  const begin = (kind: string): ChildProcess => {
    const child = spawn(process.execPath, [PROGRAM, kind, directory, vendor.vendorCode], { stdio: ['ignore', 'pipe', 'pipe'] });
    child.stdout?.on('data', (chunk: Buffer) => {
      working.add(child);
      grants += String(chunk).split('in\n').length - 1;
      failure += /^failed.*$/m.exec(String(chunk))?.[0] ?? '';
    });
    child.stderr?.on('data', (chunk: Buffer) => {
      failure += String(chunk);
    });
    return child;
  };
  const { seal } = await openBinding(directory, systemEntropy, await userStoreMarks(directory));
  const ledger = await openSharedLedger({ directory, now: () => sharedClock.wall(), authenticationKey: seal.key('ledger') });
  onTestFinished(() => ledger.close());
  const look = async () => {
    const rows = new Map<string, SessionRow & PoolRow>();
    for await (const [name, row] of ledger.scan<SessionRow & PoolRow>('')) rows.set(name, row);
    const kinds = (kind: string) => [...rows].filter(([name]) => name.split('/')[1] === kind).map(([, row]) => row);
    return {
      used: kinds('pool').reduce((sum, { used }) => sum + used, 0),
      sessions: kinds('session').length,
      instances: kinds('instance').length,
    };
  };

  // One seat may stay taken by an Integrated LM that is dead; the External ones go on with the others.
  const running = Array.from({ length: PROCESSES }, () => begin('external'));
  const integrated = begin('integrated');
  const until = performance.now() + 20_000;
  let kills = 0;
  while (kills < KILLS && performance.now() < until) {
    await pause(Math.random() * 100);
    const { used, sessions } = await look();
    expect(used).toBeLessThanOrEqual(SEATS);
    expect(used).toBe(sessions);
    const victim = Math.floor(Math.random() * PROCESSES);
    // Mostly one that is at work; at times one that only starts.
    const child = running[victim];
    if (child !== undefined && Math.random() < (working.has(child) ? 0.5 : 0.02) && child.kill('SIGKILL')) {
      kills += 1;
      running[victim] = begin('external');
    }
  }
  const ended = [...running, integrated].filter(({ exitCode }) => exitCode === null).map((child) => once(child, 'exit'));
  for (const child of [...running, integrated]) child.kill('SIGKILL');
  await Promise.all(ended);
  expect(failure).toBe('');
  expect(grants).toBeGreaterThan(5);
  // A busy computer starts few processes in that time.
  expect(kills).toBeGreaterThan(2);

  // Of the External LMs nothing is left when somebody looks, of the Integrated one three minutes later.
  const first = await openNearLm({ kind: 'integrated', vendor: 7, directory });
  expect((await look()).used).toBeLessThanOrEqual(1);
  await first.close();
  const later = { ...thisComputer(), clock: { ...sharedClock, mono: () => mono(sharedClock.mono() + 181_000) } };
  const second = await openNearLm({ kind: 'integrated', vendor: 7, directory, computer: later });
  expect(await look()).toEqual({ used: 0, sessions: 0, instances: 1 });
  await second.close();
});
