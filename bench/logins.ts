import { cpus } from 'node:os';
import { join } from 'node:path';
import { systemEntropy } from '../packages/licensing-api/src/environment.ts';
import { crowd } from './crowd.ts';
import { cryptographyOfFreshLogin } from './cryptography.ts';
import { type Figure, median } from './figures.ts';
import { compareLedger } from './ledger.ts';
import { type Lm, startChild } from './site.ts';

// P2: login plus logout by 32 application processes at once, every acknowledged login durable, beside a floating license server of the usual
// kind, beside a bare grouped commit at that concurrency, and fresh applications beside their cryptography alone.

const PROCESSES = 32;
const SECONDS = 4;
const ROUNDS = 3;

const here = (file: string): string => join(import.meta.dirname, file);

export const benchLogins = async (directory: string, lm: Lm, vendorCode: string): Promise<Figure[]> => {
  const server = await startChild([here('reference/floating-server.ts'), join(directory, 'floating.db')]);
  const at = `${lm.host}:${lm.port}`;
  const rounds: { open: number; fresh: number; floating: number; bare: number }[] = [];
  try {
    for (let round = 0; round < ROUNDS; round++) {
      rounds.push({
        floating: await crowd(PROCESSES, SECONDS, [here('reference/floating-client.ts'), server.firstLine]),
        open: await crowd(PROCESSES, SECONDS, [here('application.ts'), 'open', at, vendorCode, '11']),
        fresh: await crowd(PROCESSES, SECONDS, [here('application.ts'), 'fresh', at, vendorCode, '11']),
        bare: (await compareLedger(PROCESSES, { parent: directory, turns: 5, turnMs: 300 })).bare.perSecond,
      });
    }
  } finally {
    await server.stop();
  }
  const of = (name: 'open' | 'fresh' | 'floating' | 'bare'): number => median(rounds.map((round) => round[name]));
  // One durable commit for each login; a logout may be answered before it is on the disk.
  const grouped = of('bare');
  const crypto = Math.min(cpus().length, 2) / cryptographyOfFreshLogin(systemEntropy);
  const unit = '/s';
  const what = `login + logout, ${PROCESSES} processes`;
  return [
    {
      clause: 'P2',
      what: `${what}, open channels`,
      value: of('open'),
      reference: of('floating'),
      unit,
      referenceIs: 'floating server, claim + release',
      ratio: of('open') / of('floating'),
      target: { atLeast: 10 },
    },
    {
      clause: 'P2',
      what: `${what}, open channels`,
      value: of('open'),
      reference: grouped,
      unit,
      referenceIs: `bare grouped commits, ${PROCESSES} clients`,
      ratio: of('open') / grouped,
      target: { atLeast: 0.5 },
    },
    {
      clause: 'P2',
      what: `${what}, fresh`,
      value: of('fresh'),
      reference: crypto,
      unit,
      referenceIs: 'its cryptography alone, both cores',
      ratio: of('fresh') / crypto,
      target: { atLeast: 0.5 },
    },
  ];
};
