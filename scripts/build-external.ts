// npm run build:external [-- --platform linux-x64] [--out FILE]   the External LM as one executable file (T1).
//
// What comes out stands beside a protected application and needs nothing else: no Node.js, no package, no administrator. It is
// - a copy of the Node.js that package.json pins, without its debugging symbols where `strip` is at hand;
// - one script: packages/license-manager/src/external/main.ts with all that it reaches, bundled by esbuild. Third-party code in it is an error;
// - where it is made for this platform, the bytecode of what a login runs, so that a start compiles nothing (docs/decisions/0004).
// Node's single executable applications and postject join the three. NODE_OPTIONS of the application means nothing to it.
//
// --platform takes those of which package.json names the Node.js (linux-x64, linux-arm64, win-x64) and that npm was made to install.
// A file of another platform has no bytecode, so it compiles at each start, and keeps its symbols. The file is replaced whole: whoever runs the old one
// keeps it, and the next start is the new one. Signing it is for whoever ships it. macOS was not tried.

import { existsSync, statSync } from 'node:fs';
import { join, relative, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { externalLmFile } from '@keyhaven/core/hosts';
import { findNode, pinnedPackage } from '../packages/cli/bin/pinned-node.js';
import { bundleProgram, ENTRY, root } from './external/bundle.ts';
import { makeExecutable } from './external/executable.ts';

const USAGE = 'usage: npm run build:external [-- [--platform linux-x64|linux-arm64|win-x64] [--out FILE]]';

const nodeFor = (platform: string): string | undefined => {
  if (`node-${platform}` === pinnedPackage()) return findNode(root);
  const file = join(root, 'node_modules', `node-${platform}`, 'bin', platform.startsWith('win') ? 'node.exe' : 'node');
  return existsSync(file) ? file : undefined;
};

const main = async (): Promise<number> => {
  const here = pinnedPackage().slice('node-'.length);
  const { values } = parseArgs({ options: { platform: { type: 'string', default: here }, out: { type: 'string' } } });
  const { platform } = values;
  const builder = findNode(root);
  const node = nodeFor(platform);
  if (builder === undefined || node === undefined) {
    console.error(`The Node.js of ${platform} is not installed.`);
    console.error(`npm install --no-save --force node-${platform}@${process.versions.node} brings it.`);
    return 1;
  }
  const name = externalLmFile(platform.startsWith('win') ? 'win32' : process.platform);
  const out = resolve(values.out ?? join(root, 'dist/external', platform === here ? name : join(platform, name)));
  const began = performance.now();
  const program = await bundleProgram({ entry: ENTRY });
  await makeExecutable({ program, node, builder, out });
  const seconds = ((performance.now() - began) / 1000).toFixed(1);
  const size = (statSync(out).size / 1e6).toFixed(0);
  console.log(`${relative(process.cwd(), out)}: ${size} MB, of which ${(program.length / 1e3).toFixed(0)} kB are ours (${seconds} s)`);
  return 0;
};

try {
  process.exitCode = await main();
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  if (error instanceof TypeError) console.error(USAGE);
  process.exitCode = 1;
}
