import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { PassThrough } from 'node:stream';
import { keyFromSeeds, stateDocument, verifyUpdate } from '@keyhaven/core/key';
import { armor, parseVendorCode, unarmor } from '@keyhaven/core/license';
import { wall } from '@keyhaven/core/time';
import type { Command } from 'commander';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { vendorCommand } from './vendor.ts';

let base: string;
let directory: string;
beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'keyhaven-cli-vendor-'));
  directory = join(base, 'vendor');
});
afterAll(() => rm(base, { recursive: true, force: true }));

/** What went to standard error. */
const said: string[] = [];
const run = async (args: readonly string[], environment: Record<string, string> = { KEYHAVEN_VENDOR_PASSPHRASE: 'a passphrase' }) => {
  const printed: string[] = [];
  said.length = 0;
  const input = Object.assign(new PassThrough(), { isTTY: false, setRawMode: () => undefined });
  const command = vendorCommand({
    environment,
    terminal: { input, write: (text) => void said.push(text) },
    print: (text) => void printed.push(text),
    write: async (text) => void printed.push(text),
  });
  const quiet = (each: Command): Command => each.exitOverride().configureOutput({ writeErr: () => undefined });
  command.commands.forEach(quiet);
  await quiet(command).parseAsync([...args], { from: 'user' });
  return printed.join('\n');
};

const makeKey = async (fill = 1) => {
  const { vendor, publicKey } = parseVendorCode(await run(['code', directory]));
  const key = keyFromSeeds(
    { type: 'sl-adminmode', vendor, vendorKey: publicKey },
    new Uint8Array(32).fill(fill),
    new Uint8Array(32).fill(2),
  );
  const c2v = armor('C2V', stateDocument(key, { counter: 0, host: 'h', virtualMachine: false, usage: [] }, wall(0)));
  return { key, c2v };
};

describe('keyhaven vendor', () => {
  it('creates a vendor, prints its code, and issues a license that the key takes', async () => {
    expect(await run(['init', directory, '--id', '7', '--name', 'Deep Water'])).toContain('Vendor 7 (Deep Water)');
    expect(await run(['code', directory])).toMatch(/^[A-Za-z0-9_-]+$/);
    const { key, c2v } = await makeKey();
    await writeFile(join(base, 'key.c2v'), c2v);
    const out = join(base, 'key.v2c');
    const printed = await run(['license', directory, '--c2v', join(base, 'key.c2v'), '--product', '1', '--out', out]);
    expect(printed).toContain(`key ${key.id}, update counter 1, product 1`);
    const update = verifyUpdate(key, 0, unarmor(await readFile(out, 'utf8')).bytes);
    expect(update.certificate.products.map(({ id }) => id)).toEqual([1]);
    const [line = '', ...more] = (await readFile(join(directory, 'issued.jsonl'), 'utf8')).trim().split('\n');
    expect(more).toEqual([]);
    expect(JSON.parse(line)).toMatchObject({ key: key.id, counter: 1, products: [1] });
    expect((await stat(join(directory, 'issued.jsonl'))).mode & 0o777).toBe(0o600);
  });

  it('inspects a license as text and as JSON', async () => {
    const file = join(base, 'key.v2c');
    expect(await run(['inspect', file])).toMatch(/V2C[^]*The signature holds[^]*Echo sounder/);
    const report: unknown = JSON.parse(await run(['inspect', file, '--json']));
    expect(report).toMatchObject({ kind: 'V2C', signature: { holds: true }, contents: { certificate: { counter: 1 } } });
  });

  it('ends with status 30 on a file whose signature does not hold', async () => {
    const { bytes } = unarmor(await readFile(join(base, 'key.v2c'), 'utf8'));
    bytes[150]! ^= 1;
    await writeFile(join(base, 'bad.v2c'), armor('V2C', bytes));
    await expect(run(['inspect', join(base, 'bad.v2c')])).rejects.toMatchObject({ status: 30 });
  });

  it('refuses a wrong passphrase, none at all, and an unknown product, and writes nothing then', async () => {
    const out = join(base, 'never.v2c');
    const license = ['license', directory, '--c2v', join(base, 'key.c2v'), '--out', out, '--product'];
    await expect(run([...license, '1'], { KEYHAVEN_VENDOR_PASSPHRASE: 'wrong' })).rejects.toMatchObject({ status: 88 });
    await expect(run([...license, '1'], {})).rejects.toMatchObject({ status: 501 });
    await expect(run([...license, '1', '--product', '9'])).rejects.toMatchObject({
      status: 61,
      message: expect.stringContaining('product 9'),
    });
    await expect(stat(out)).rejects.toMatchObject({ code: 'ENOENT' });
  });

  it('says 72 for a directory without a vendor, before it asks for a passphrase', async () => {
    await expect(run(['code', base])).rejects.toMatchObject({ status: 72 });
    await expect(run(['license', base, '--c2v', 'x', '--product', '1', '--out', 'y'], {})).rejects.toMatchObject({ status: 72 });
  });

  it('calls wrong usage a usage error', async () => {
    for (const args of [
      ['init', join(base, 'v2'), '--id', '0', '--name', 'x'],
      ['init', join(base, 'v2'), '--id', '1e3', '--name', 'x'],
      ['init', join(base, 'v2'), '--name', 'x'],
      ['license', directory, '--c2v', 'x', '--out', 'y'],
      ['license', directory, '--c2v', 'x', '--out', 'y', '--product', '-1'],
      ['inspect'],
      ['nonsense'],
    ]) {
      await expect(run(args), args.join(' ')).rejects.toMatchObject({ name: 'CommanderError' });
    }
  });

  it('writes a license to standard output, and what it says of it to standard error', async () => {
    const { c2v } = await makeKey(31);
    await writeFile(join(base, 'stdout.c2v'), c2v);
    const text = await run(['license', directory, '--c2v', join(base, 'stdout.c2v'), '--product', '1', '--out', '-']);
    expect(unarmor(text).kind).toBe('V2C');
    expect(said.join('')).toMatch(/^license for key \d+, update counter 1, product 1\.\n$/);
    const both = run(['license', directory, '--c2v', join(base, 'stdout.c2v'), '--product', '1', '--out', '-', '--json']);
    await expect(both).rejects.toMatchObject({ name: 'CommanderError', exitCode: 2 });
  });

  it('changes the passphrase: from files or the environment, with a hint where the old one is short', async () => {
    const to = join(base, 'short');
    const { initVendor, vendorPaths } = await import('@keyhaven/vendor-tools');
    await initVendor(to, { id: 9, name: 'V', passphrase: 'long enough' });
    await expect(
      run(['init', join(base, 'refused'), '--id', '9', '--name', 'V'], { KEYHAVEN_VENDOR_PASSPHRASE: 'secret' }),
    ).rejects.toMatchObject({
      status: 501,
      message: expect.stringContaining('at least 8 characters') as string,
    });
    await writeFile(join(base, 'new.txt'), 'another one\nignored\n');
    const env = { KEYHAVEN_VENDOR_PASSPHRASE: 'long enough' };
    await expect(run(['passphrase', to], env)).rejects.toMatchObject({
      status: 501,
      remedy: expect.stringContaining('KEYHAVEN_VENDOR_NEW_PASSPHRASE') as string,
    });
    expect(await run(['passphrase', to, '--new-file', join(base, 'new.txt')], env)).toContain(`Copies of ${vendorPaths(to).key}`);
    await writeFile(join(base, 'old.txt'), 'another one\n');
    const json = await run(['passphrase', to, '--passphrase-file', join(base, 'old.txt'), '--json'], {
      KEYHAVEN_VENDOR_NEW_PASSPHRASE: 'and one more',
    });
    expect(JSON.parse(json)).toMatchObject({ id: 9, changed: true });
    await expect(run(['passphrase', to, '--new-file', join(base, 'new.txt')], env)).rejects.toMatchObject({ status: 88 });
  });

  it('checks a catalog without a C2V: every fault in a line of its own, exit status 1', async () => {
    const to = join(base, 'check');
    await mkdir(to);
    const file = join(to, 'catalog.yaml');
    await writeFile(file, 'products:\n  - id: -1\n    features:\n      - { id: 1, license: { type: rental } }\n');
    await expect(run(['check', to])).rejects.toMatchObject({ status: 501, message: expect.stringContaining('2 faults') as string });
    expect(await run(['check', directory])).toMatch(/catalog\.yaml: 1 product with 1 feature, no faults\.$/);
    await expect(run(['check', base])).rejects.toMatchObject({ status: 72 });
  });

  it('reports what was issued as a table, CSV and JSON', async () => {
    const rows = JSON.parse(await run(['report', directory, '--json'])) as readonly object[];
    expect(rows).toHaveLength(2);
    expect(rows[0]).toMatchObject({ type: 'sl-adminmode', counter: 1, product: 1, feature: 42, license: 'perpetual', seats: 5 });
    expect(await run(['report', directory])).toMatch(/^EXPIRES +KEY +UPDATE[^]*never/);
    expect((await run(['report', directory, '--csv'])).trim().split('\r\n')).toHaveLength(3);
    expect(await run(['report', directory, '--expiring', '30d'])).toContain('No license was issued.');
    expect(await run(['record', directory, join(base, 'key.v2c')])).toBe('Added to the record: 0 of 1 license.');
    await expect(run(['report', directory, '--expiring', 'soon'])).rejects.toMatchObject({ name: 'CommanderError' });
  });
});
