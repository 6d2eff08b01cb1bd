import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stateDocument } from '@keyhaven/core/key';
import { armor } from '@keyhaven/core/license';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { catalogText, makeC2v, makeKey, makeVendor, now } from './fixtures.ts';
import { issueLicenseFile, packUpdateFiles, updateLicenseFile } from './issue-file.ts';
import { recordFiles } from './record-files.ts';
import { type ReportRow, reportCsv, reportIssued } from './report.ts';
import { issueTrialFile } from './trial.ts';
import { initVendor, unlockVendor, type Vendor } from './vendor.ts';

const DAY_SECONDS = 86_400;
let directory = '';
let vendor: Vendor;
const path = (name: string): string => join(directory, name);
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'keyhaven-report-'));
  await writeFile(path('catalog.yaml'), catalogText);
  await initVendor(directory, { id: 7, name: 'Deep Water', passphrase: 'a passphrase' });
  vendor = await unlockVendor(directory, 'a passphrase');
});
afterAll(() => rm(directory, { recursive: true, force: true }));
const keyOf = (fill: number) => makeKey(vendor, fill);
const report = (filter = {}): Promise<readonly ReportRow[]> => reportIssued(directory, filter, now);

describe('a report of what was issued', () => {
  it('lists each feature of each key as its last license has it, by expiry', async () => {
    expect(await report()).toEqual([]);
    await writeFile(path('a.c2v'), makeC2v(keyOf(11)));
    await writeFile(path('b.c2v'), makeC2v(keyOf(13)));
    await issueLicenseFile(directory, { vendor, c2v: path('a.c2v'), products: [1], out: path('a1.v2c'), now });
    await updateLicenseFile(directory, {
      vendor,
      c2v: path('a.c2v'),
      after: path('a1.v2c'),
      actions: ['sub expiration 1.43 52w'],
      out: path('a2.v2c'),
      now,
    });
    await issueLicenseFile(directory, { vendor, c2v: path('b.c2v'), products: [2], out: path('b1.v2c'), now });
    await issueTrialFile(directory, { vendor, product: 1, days: 30, out: path('trial.v2c'), now });
    const rows = await report();
    const [a, b] = [keyOf(11).id, keyOf(13).id];
    expect(rows[0]).toMatchObject({
      key: a,
      counter: 2,
      product: 1,
      productName: 'Survey',
      feature: 43,
      expires: '2027-01-01T23:59:59.999Z',
    });
    expect(rows.filter(({ key }) => key === a)).toHaveLength(2);
    expect(rows.find(({ feature, key }) => feature === 50 && key === b)).toMatchObject({ license: 'executions', executions: 100 });
    expect(rows.filter(({ type }) => type === 'trial')).toHaveLength(2);
    expect(rows.find(({ type }) => type === 'trial')).toMatchObject({ license: 'period', days: 30, seats: 'unlimited' });
    expect(rows[0]).toMatchObject({ host: 'survey-1.example', file: path('a2.v2c') });
  });

  it('is narrowed to a product, a key, and what ends soon', async () => {
    expect(new Set((await report({ product: 2 })).map(({ product }) => product))).toEqual(new Set([2]));
    expect((await report({ key: keyOf(13).id })).map(({ feature }) => feature)).toEqual([42, 50]);
    expect(await report({ expiringWithin: 30 * DAY_SECONDS })).toEqual([]);
    expect((await report({ expiringWithin: 60 * DAY_SECONDS })).map(({ feature }) => feature)).toEqual([43]);
  });

  it('is CSV that a spreadsheet takes for no formula, with one line for a row', async () => {
    const state = stateDocument(keyOf(15), { counter: 0, host: '=cmd|"x",\n', virtualMachine: false, usage: [] }, now);
    await writeFile(path('c.c2v'), armor('C2V', state));
    await issueLicenseFile(directory, { vendor, c2v: path('c.c2v'), products: [3], out: path('c1.v2c'), now });
    const csv = reportCsv(await report({ key: keyOf(15).id }));
    expect(csv).toMatch(/^key,type,counter,issued,product,/);
    expect(csv).toContain(`"'=cmd|""x"",`);
    expect(
      reportCsv(await report({ product: 2 }))
        .trim()
        .split('\r\n'),
    ).toHaveLength(3);
  });
});

describe('a record of an earlier version', () => {
  it('is listed as far as it goes, and completed from the files', async () => {
    const issued = path('issued.jsonl');
    const lines = (await readFile(issued, 'utf8')).trim().split('\n');
    const older = lines.map((line) => {
      const { sold: _s, request: _r, host: _h, file: _f, ...rest } = JSON.parse(line) as Record<string, unknown>;
      return JSON.stringify(rest);
    });
    await writeFile(issued, `${older.join('\n')}\n`);
    const [a, b] = [keyOf(11).id, keyOf(13).id];
    const before = await report();
    // The update of key a did not say what it sold; the license before it did say the products.
    expect(before.filter(({ key }) => key === a)).toEqual([expect.objectContaining({ key: a, counter: 2, product: 1 })]);
    expect(before.every(({ feature }) => feature === undefined)).toBe(true);

    await packUpdateFiles(directory, vendor, [path('a1.v2c'), path('a2.v2c')], path('a.v2cp'));
    expect(await recordFiles(directory, ['a.v2cp', 'b1.v2c', 'trial.v2c'].map(path))).toEqual({ found: 4, recorded: 4 });
    expect(await recordFiles(directory, ['a2.v2c', 'b1.v2c'].map(path))).toEqual({ found: 2, recorded: 0 });
    const after = await report();
    expect(after.find(({ key, feature }) => key === a && feature === 43)?.expires).toBe('2027-01-01T23:59:59.999Z');
    expect(after.filter(({ key }) => key === b).map(({ feature }) => feature)).toEqual([42, 50]);
    // The numbers are known as before.
    const again = issueLicenseFile(directory, { vendor, c2v: path('b.c2v'), products: [2], out: path('b2.v2c'), now });
    await expect(again).rejects.toMatchObject({ status: 94 });
  });

  it('takes nothing that another vendor signed, nor what is no license', async () => {
    const other = makeVendor(7, 41);
    await writeFile(path('foreign.c2v'), makeC2v(makeKey(other, 51)));
    const before = await readFile(path('issued.jsonl'), 'utf8');
    await expect(recordFiles(directory, [path('b1.v2c'), path('foreign.c2v')])).rejects.toMatchObject({ status: 34 });
    await expect(recordFiles(directory, [path('a.c2v')])).rejects.toMatchObject({ status: 15 });
    await expect(recordFiles(directory, [path('catalog.yaml')])).rejects.toMatchObject({ status: 15 });
    expect(await readFile(path('issued.jsonl'), 'utf8')).toBe(before);
  });
});
