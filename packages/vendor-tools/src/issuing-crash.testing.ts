import { Buffer } from 'node:buffer';
import fs from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

// A vendor command that dies by SIGKILL right before its Nth call that changes the file system; with N = 0 it lives and prints how many calls it made.
// Arguments: directory, C2V, out, N, products.

const [directory = '', c2v = '', out = '', stopAt = '0', products = '1'] = process.argv.slice(2);
const calls = { count: 0 };
const step = (): void => {
  calls.count += 1;
  if (calls.count === Number(stopAt)) process.kill(process.pid, 'SIGKILL');
};
const counted = (target: object, names: readonly string[]): void => {
  const methods = target as Record<string, (...of: unknown[]) => unknown>;
  for (const name of names) {
    const original = methods[name];
    if (original === undefined) throw new Error(`there is no ${name}`);
    methods[name] = function (this: unknown, ...of: unknown[]) {
      // Reading changes nothing.
      if (name !== 'open' || of[1] !== 'r') step();
      return original.apply(this, of);
    };
  }
};

const sample = await fs.promises.open(process.execPath);
counted(Object.getPrototypeOf(sample) as object, ['sync', 'writeFile', 'appendFile', 'truncate']);
await sample.close();
counted(fs.promises, ['open', 'rename', 'link', 'rm', 'mkdir']);
syncBuiltinESMExports();

const { makeVendor } = await import('./fixtures.ts');
const { issueLicenseFile } = await import('./issue-file.ts');
const vendor = makeVendor(7, 1);
const issued = await issueLicenseFile(directory, { vendor, c2v, out, products: products.split(',').map(Number) });
process.stdout.write(Buffer.from(JSON.stringify({ calls: calls.count, counter: issued.counter, again: issued.again })));
