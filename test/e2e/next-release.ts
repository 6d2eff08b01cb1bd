import { appendFileSync, cpSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

// A release to come: a copy of this checkout that says another version, and whose Integrated LM says so, too.

const ROOT = join(import.meta.dirname, '../..');
const PACKAGES = readdirSync(join(ROOT, 'packages')).filter((name) => name !== 'testkit');
/** Programs of the tests that are applications. */
const APPLICATIONS = ['application.ts', 'near-application.ts'];

export type Release = {
  readonly version: string;
  /** keyhaven */
  readonly program: string;
  /** The application that is built with its Licensing API. */
  readonly application: string;
};
export const SAYS = 'the Integrated LM is that of';

export const makeRelease = (folder: string, version: string): Release => {
  for (const name of PACKAGES) {
    cpSync(join(ROOT, 'packages', name), join(folder, 'packages', name), {
      recursive: true,
      filter: (file) => !file.endsWith('.test.ts'),
    });
  }
  mkdirSync(join(folder, 'node_modules/@keyhaven'), { recursive: true });
  for (const name of readdirSync(join(ROOT, 'node_modules')))
    if (!name.startsWith('.') && name !== '@keyhaven') symlinkSync(join(ROOT, 'node_modules', name), join(folder, 'node_modules', name));
  for (const name of PACKAGES) symlinkSync(join(folder, 'packages', name), join(folder, 'node_modules/@keyhaven', name));
  for (const name of APPLICATIONS) cpSync(join(ROOT, 'test/e2e', name), join(folder, 'test/e2e', name));
  writeFileSync(join(folder, 'package.json'), readFileSync(join(ROOT, 'package.json')));
  const source = join(folder, 'packages/license-manager/src');
  writeFileSync(join(source, 'version.ts'), `export const VERSION = ${JSON.stringify(version)};\n`);
  appendFileSync(join(source, 'integrated/thread.ts'), `process.stderr.write(${JSON.stringify(`${SAYS} ${version}\n`)});\n`);
  return {
    version,
    program: join(folder, 'packages/cli/bin/keyhaven.js'),
    application: join(folder, 'test/e2e/near-application.ts'),
  };
};
