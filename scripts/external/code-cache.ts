import { existsSync } from 'node:fs';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { createLicensing } from '@keyhaven/licensing-api/licensing';
import { lmAddressFrom, ownIdentity, systemEntropy, systemSurroundings } from '../../packages/licensing-api/src/environment.ts';
import { systemNear } from '../../packages/licensing-api/src/near-system.ts';
import { licensedStore } from './licensed-store.ts';

// The bytecode of the External LM: of all functions that a login, a call and a logout run, and of no others. So a first login compiles nothing, and
// a start does not read the bytecode of what it does not need, which is three quarters of it. It is made by doing just that, once, with a key
// made up for it.

const VENDOR = 1;
const CATALOG =
  'products: [{ id: 1, name: Warm, features: [{ id: 1, name: Warm, license: { type: perpetual }, concurrency: { seats: 1 } }] }]';
const LIMIT_MS = 30_000;

/** Runs the program and writes its bytecode when it ends. */
const runner = `
const { readFileSync, renameSync, writeFileSync } = require('node:fs');
const script = new (require('node:vm').Script)(readFileSync(__dirname + '/program', 'latin1'), { filename: 'keyhaven-external-lm' });
process.on('exit', () => {
  writeFileSync(__dirname + '/cache.new', script.createCachedData());
  renameSync(__dirname + '/cache.new', __dirname + '/cache');
});
script.runInThisContext()(require, module, exports);
`;

/**
 * @param flags of V8: bytecode is good for a program that runs with the same
 * @throws Error, or the LicensingError with which the program refuses
 */
export const codeCache = async (program: string, node: string, flags: readonly string[]): Promise<Buffer> => {
  const folder = await mkdtemp(join(tmpdir(), 'keyhaven-build-'));
  const at = (name: string): string => join(folder, name);
  try {
    const directory = at('store');
    const vendorCode = await licensedStore(directory, VENDOR, CATALOG);
    await writeFile(at('program'), program, 'latin1');
    await writeFile(at('run.cjs'), runner);
    const externalLm = at('external-lm');
    await writeFile(externalLm, `#!/bin/sh\nexec "${node}" ${flags.join(' ')} "${at('run.cjs')}" "$@"\n`, { mode: 0o755 });
    const near = systemNear({
      env: {},
      platform: process.platform,
      home: folder,
      beside: folder,
      configured: () => ({ externalLm, directory, overrides: {} }),
      print: () => undefined,
    });
    const licensing = createLicensing(lmAddressFrom('127.0.0.1:9'), ownIdentity(), systemEntropy, { ...systemSurroundings, near });
    const session = await licensing.login({ vendorCode, feature: 1, lm: 'external' });
    await session.decrypt(await session.encrypt(Buffer.alloc(64)));
    await session.logout();
    licensing.close();
    for (const began = performance.now(); !existsSync(at('cache')); await pause(20))
      if (performance.now() - began > LIMIT_MS) throw new Error('The External LM did not end with its application.');
    return await readFile(at('cache'));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
};
