import { execFile } from 'node:child_process';
import { existsSync, globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

// What no committed file may hold: a download address that only works where it was written, or a path of somebody's machine.

const FORBIDDEN: readonly (readonly [RegExp, string])[] = [
  [/"resolved"\s*:\s*"(?!packages\/)/, 'a download address'],
  [/\bregistry\s*=\s*http/, 'a registry'],
  [/(?<![\w.~/-])\/(?:work|root|home|Users)\/\w/, 'the path of a machine'],
  [/\b[A-Za-z]:\\Users\\\w/, 'the path of a machine'],
];

/** Faults in one file's text, one for each line. */
export function textFaults(file: string, text: string): string[] {
  return text.split('\n').flatMap((line, index) => {
    const found = FORBIDDEN.find(([pattern]) => pattern.test(line));
    return found === undefined ? [] : [`${file}:${index + 1}: holds ${found[1]}`];
  });
}

/** Files that are committed or would be; without git, all but what is installed. */
async function filesOf(root: string): Promise<string[]> {
  try {
    const git = await promisify(execFile)('git', ['ls-files', '-z', '--cached', '--others', '--exclude-standard'], {
      cwd: root,
      maxBuffer: 1 << 26,
    });
    return git.stdout.split('\0').filter((file) => file !== '' && existsSync(join(root, file)));
  } catch {
    const all = globSync('**/*', { cwd: root, withFileTypes: true, exclude: (entry) => ['node_modules', '.git'].includes(entry.name) });
    return all.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1));
  }
}

export async function committedFaults(root: string): Promise<string[]> {
  return (await filesOf(root)).flatMap((file) => {
    const bytes = readFileSync(join(root, file));
    return bytes.includes(0) ? [] : textFaults(file, bytes.toString());
  });
}
