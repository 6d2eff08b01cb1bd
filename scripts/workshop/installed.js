// Says whether node_modules is what package-lock.json asks for. npm writes what it installed to node_modules/.package-lock.json, as its
// last step; that list is compared with the lockfile, and with the disk. Plain JavaScript for Node.js 20 on.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

/** @typedef {{ version?: string, integrity?: string, optional?: boolean, link?: boolean, optionalDependencies?: Record<string, string> }} Entry */
/** @typedef {Record<string, Entry>} Packages */

/**
 * The first reason why the installed packages are not those of the lockfile, or undefined.
 * Optional packages may be absent (they are for other platforms), except `needed`.
 * @param {Packages} locked
 * @param {Packages} installed
 * @param {string} needed
 * @param {(path: string) => boolean} onDisk
 * @returns {string | undefined}
 */
export function difference(locked, installed, needed, onDisk) {
  for (const [path, entry] of Object.entries(locked)) {
    if (!path.startsWith('node_modules/')) continue;
    const found = installed[path];
    if (found === undefined) {
      if (entry.optional !== true || path === `node_modules/${needed}`) return `${path} is not installed`;
    } else if (found.version !== entry.version || found.integrity !== entry.integrity) {
      return `${path} is ${found.version ?? 'another one'}, wanted is ${entry.version}`;
    } else if (!onDisk(path)) {
      return `${path} is gone`;
    }
  }
  for (const path of Object.keys(installed)) {
    if (path.startsWith('node_modules/') && locked[path] === undefined) return `${path} is no longer wanted`;
  }
  return undefined;
}

/**
 * @param {string} file
 * @returns {Packages | undefined}
 */
function packagesOf(file) {
  if (!existsSync(file)) return undefined;
  try {
    /** @type {{ packages?: Packages }} */
    const lock = JSON.parse(readFileSync(file, 'utf8'));
    return lock.packages;
  } catch {
    return undefined;
  }
}

/**
 * Why `npm ci` must run in `root`, or undefined when it need not.
 * @param {string} root
 * @param {string} needed the package that is wanted although it is optional
 * @returns {string | undefined}
 */
export function whyInstall(root, needed) {
  const locked = packagesOf(join(root, 'package-lock.json'));
  if (locked === undefined) return 'package-lock.json cannot be read';
  const installed = packagesOf(join(root, 'node_modules', '.package-lock.json'));
  if (installed === undefined) return 'nothing is installed';
  return difference(locked, installed, needed, (path) => existsSync(join(root, path, 'package.json')));
}
