// node scripts/bootstrap.js SCRIPT [ARGUMENT ...]
//
// Installs what package-lock.json asks for when node_modules differs from it, builds the pages of the Admin Control Center when their
// sources have changed, then runs SCRIPT (relative to the checkout) with the pinned Node.js, whatever Node.js from 20 on runs this.
// Arguments, signals and exit status pass through.

import { spawnSync } from 'node:child_process';
import { delimiter, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { become, findNode, keepCompiled, noNodeMessage, pinnedPackage } from '../packages/cli/bin/pinned-node.js';
import { isCurrent, sourcesHash } from './acc/current.js';
import { whyInstall } from './workshop/installed.js';

const root = fileURLToPath(new URL('..', import.meta.url));
const BUILD = join(root, 'scripts/build-acc.ts');

/**
 * @param {string} message
 * @returns {never}
 */
function fail(message) {
  console.error(message);
  process.exit(1);
}

/** npm, as started by npm itself (npm_execpath) or from PATH; never with the Node.js that it is about to replace. */
function npmCommand() {
  const script = process.env.npm_execpath;
  const runtime = process.env.npm_node_execpath ?? process.execPath;
  if (script !== undefined && /npm-cli\.[cm]?js$/.test(script)) return { command: runtime, before: [script] };
  return { command: 'npm', before: [] };
}

/** @param {string} reason */
function install(reason) {
  console.error(`Installing dependencies (${reason}) ...`);
  const started = process.hrtime.bigint();
  const { command, before } = npmCommand();
  // Whatever NODE_ENV or npm's settings say, the tools and the pinned runtime are wanted.
  const args = [...before, 'ci', '--no-audit', '--no-fund', '--loglevel=error', '--include=dev', '--include=optional'];
  const result = spawnSync(command, args, {
    cwd: root,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
    shell: command === 'npm' && process.platform === 'win32',
  });
  if (result.error !== undefined) fail(`npm could not be started: ${result.error.message}. Install npm, or put it in PATH.`);
  if (result.status !== 0) {
    // npm explains a lockfile that does not fit, and then all of its options.
    process.stderr.write((result.stdout + result.stderr).replace(/^npm error Usage:[^]*?(?=^npm error A complete log)/m, ''));
    fail(
      `npm ci failed (${result.signal ?? `status ${result.status}`}): see above. Check the network and the registry that npm uses, then try again.`,
    );
  }
  console.error(`Installed dependencies in ${Number((process.hrtime.bigint() - started) / 100_000_000n) / 10} s.`);
}

const [script, ...args] = process.argv.slice(2);
if (script === undefined) fail('usage: node scripts/bootstrap.js SCRIPT [ARGUMENT ...]');

const locked = pinnedPackage();
// `npm ci` calls this as its last step, when what it installed may not be written down yet.
const reason = process.env.npm_lifecycle_event === 'prepare' ? undefined : whyInstall(root, locked);
if (reason !== undefined) install(reason);
const node = findNode(root);
keepCompiled(root, process.env);
if (node === undefined) fail(noNodeMessage());
const path = `${join(root, 'node_modules', '.bin')}${delimiter}${process.env.PATH ?? ''}`;
if (resolve(root, script) !== BUILD && !isCurrent(root, sourcesHash(root))) {
  const built = spawnSync(node, [BUILD], { cwd: root, stdio: ['ignore', 'inherit', 'inherit'] });
  if (built.status !== 0) fail('The pages of the Admin Control Center could not be built: see above.');
}
become(node, [resolve(root, script), ...args], { ...process.env, PATH: path });
