// Finds the Node.js that this checkout pins through npm and runs a program under it as if it were this process: same terminal, same
// signals, same end. Plain JavaScript for Node.js 20 on, without dependencies: it works before anything is installed.

import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import * as module from 'node:module';
import { dirname, join } from 'node:path';

const NEEDED_MAJOR = 24;

/** Whether the running Node.js can run TypeScript from source. */
export const runtimeSuffices = () => Number(process.versions.node.split('.')[0]) >= NEEDED_MAJOR;

/** The npm package that carries Node.js for this platform. */
export const pinnedPackage = () => `node-${process.platform === 'win32' ? 'win' : process.platform}-${process.arch}`;

/**
 * The pinned Node.js in the nearest node_modules at or above `directory`; the running one when that suffices; otherwise undefined.
 * @param {string} directory
 * @returns {string | undefined}
 */
export function findNode(directory) {
  const name = join('node_modules', pinnedPackage(), 'bin', process.platform === 'win32' ? 'node.exe' : 'node');
  for (let at = directory; ; at = dirname(at)) {
    if (existsSync(join(at, name))) return join(at, name);
    if (at === dirname(at)) break;
  }
  return runtimeSuffices() ? process.execPath : undefined;
}

/**
 * Keeps what Node.js makes of the sources before it runs them, for this process and those that it starts: the next start takes half the
 * time. It is kept in the nearest node_modules, which belongs to whoever may change the sources; a place that others may write to, as
 * the usual one of Node.js is, would let them choose what runs here. Where it cannot be written nothing is kept.
 * @param {string} directory
 * @param {NodeJS.ProcessEnv} env
 */
export function keepCompiled(directory, env) {
  if (env.NODE_COMPILE_CACHE !== undefined) return;
  for (let at = directory; at !== dirname(at); at = dirname(at)) {
    if (!existsSync(join(at, 'node_modules'))) continue;
    env.NODE_COMPILE_CACHE = join(at, 'node_modules', '.cache', 'keyhaven');
    // Node.js 20 has none.
    module.enableCompileCache?.(env.NODE_COMPILE_CACHE);
    return;
  }
}

/** What to tell when `findNode` found none. */
export const noNodeMessage = () =>
  `Node.js ${NEEDED_MAJOR} or newer is needed; this is ${process.versions.node} on ${process.platform} ${process.arch}, and ` +
  `npm has not installed the package ${pinnedPackage()}. Run "npm ci --include=optional", or install Node.js ${NEEDED_MAJOR} yourself.`;

/**
 * Runs `command` in the foreground, passes signals on, and ends this process the way the other ended.
 * @param {string} command
 * @param {readonly string[]} args
 * @param {NodeJS.ProcessEnv} env
 */
export function become(command, args, env) {
  const child = spawn(command, args, { stdio: 'inherit', env });
  /** @param {NodeJS.Signals} signal */
  const pass = (signal) => {
    // Ctrl-C in a terminal reaches the whole group: passed on, it would arrive twice and look like impatience.
    if (signal === 'SIGINT' && process.stdin.isTTY) return;
    child.kill(signal);
  };
  /** @type {readonly NodeJS.Signals[]} */
  const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
  for (const signal of signals) process.on(signal, pass);
  child.on('error', (error) => {
    console.error(`${command} could not be started: ${error.message}`);
    process.exit(1);
  });
  child.on('exit', (status, signal) => {
    for (const name of signals) process.removeListener(name, pass);
    if (signal === null) process.exit(status ?? 1);
    process.kill(process.pid, signal);
  });
}
