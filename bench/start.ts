import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { createLicensing } from '@keyhaven/licensing-api/licensing';
import { lmAddressFrom, ownIdentity, systemEntropy, systemSurroundings } from '../packages/licensing-api/src/environment.ts';
import { systemNear } from '../packages/licensing-api/src/near-system.ts';
import { cachedExternalLm } from '../scripts/external/cached.ts';
import { licensedStore } from '../scripts/external/licensed-store.ts';
import { type Figure, median } from './figures.ts';
import { catalog } from './site.ts';

// P6: a login for which the Licensing API has to start the External LM first, beside a Node.js process that does nothing and ends. Each starts
// with the files in the system's cache; the one writes a login to the disk, the other nothing.

const ROUNDS = 25;
const VENDOR = 4_712;

const ownChildren = (): string => {
  if (process.platform !== 'linux') return '';
  return readFileSync(`/proc/${process.pid}/task/${process.pid}/children`, 'utf8');
};

export const benchStart = async (parent: string): Promise<Figure[]> => {
  const externalLm = await cachedExternalLm();
  const directory = join(parent, 'user');
  const vendorCode = await licensedStore(directory, VENDOR, catalog);
  const empty = join(parent, 'empty.js');
  await writeFile(empty, '');
  const near = systemNear({
    env: process.env,
    platform: process.platform,
    home: parent,
    beside: parent,
    configured: () => ({ externalLm, directory, overrides: {} }),
    print: () => undefined,
  });

  const firstGrant = async (): Promise<number> => {
    const licensing = createLicensing(lmAddressFrom('127.0.0.1:9'), ownIdentity(), systemEntropy, { ...systemSurroundings, near });
    const from = performance.now();
    const session = await licensing.login({ vendorCode, feature: 10, lm: 'external' });
    const took = performance.now() - from;
    await session.logout();
    licensing.close();
    return took;
  };
  const emptyProcess = async (): Promise<number> => {
    const from = performance.now();
    await once(spawn(process.execPath, [empty], { stdio: ['pipe', 'pipe', 'ignore'] }), 'exit');
    return performance.now() - from;
  };

  const before = ownChildren();
  /** Until the External LM has ended: nothing is to run beside what is measured. */
  const alone = async (): Promise<void> => {
    do await pause(process.platform === 'linux' ? 10 : 500);
    while (ownChildren() !== before);
  };
  await firstGrant();
  await alone();
  await emptyProcess();
  const rounds: { grant: number; empty: number }[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const grant = await firstGrant();
    await alone();
    rounds.push({ grant, empty: await emptyProcess() });
  }
  const value = median(rounds.map(({ grant }) => grant));
  const reference = median(rounds.map((each) => each.empty));
  return [
    {
      clause: 'P6',
      what: 'External LM to first grant',
      value,
      reference,
      unit: 'ms',
      referenceIs: 'empty Node.js process, to its end',
      ratio: value / reference,
      target: { atMost: 2.5 },
    },
  ];
};
