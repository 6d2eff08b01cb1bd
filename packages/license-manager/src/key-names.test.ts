import { wall } from '@keyhaven/core/time';
import { createMemoryLedger, type Ledger } from '@keyhaven/ledger';
import { describe, expect, it } from 'vitest';
import { openKeyNames } from './key-names.ts';
import { noticedLedger } from './notices/index.ts';

const KEY = '2622877015606951895';
const open = (ledger: Ledger) => openKeyNames(ledger, (key) => key === KEY);

describe('names of keys (field-facts 2.1)', () => {
  it('are there after a start, until they are taken away', async () => {
    const ledger = createMemoryLedger({ now: () => wall(0) });
    const names = await open(ledger);
    expect(names.nameOf(KEY)).toBeUndefined();
    await names.change(KEY, 'Drawing office', '127.0.0.1');
    await names.change(KEY, 'Zeichensaal ✏', '192.0.2.7');
    expect([names.nameOf(KEY), (await open(ledger)).nameOf(KEY)]).toEqual(['Zeichensaal ✏', 'Zeichensaal ✏']);
    await names.change(KEY, '', '127.0.0.1');
    expect([names.nameOf(KEY), (await open(ledger)).nameOf(KEY)]).toEqual([undefined, undefined]);
    for await (const [row] of ledger.scan('')) expect(row).toBeUndefined();
    expect((await ledger.audit()).map(({ kind, scope, detail }) => [kind, scope, detail])).toEqual([
      ['key named', KEY, { name: '', by: '127.0.0.1' }],
      ['key named', KEY, { name: 'Zeichensaal ✏', by: '192.0.2.7' }],
      ['key named', KEY, { name: 'Drawing office', by: '127.0.0.1' }],
    ]);
  });

  it('are of keys of this computer, and nothing is kept of others', async () => {
    const ledger = createMemoryLedger({ now: () => wall(0) });
    const names = await open(ledger);
    await expect(names.change('77', 'Office', '127.0.0.1')).rejects.toMatchObject({ status: 18, remedy: expect.stringContaining('keys') });
    expect([names.nameOf('77'), await ledger.audit()]).toEqual([undefined, []]);
  });

  it('stay what they were where the disk refuses', async () => {
    const ledger = createMemoryLedger({ now: () => wall(0) });
    const names = await open(ledger);
    await names.change(KEY, 'Office', '127.0.0.1');
    await ledger.close();
    await expect(names.change(KEY, 'Yard', '127.0.0.1')).rejects.toMatchObject({ name: 'DEVICE_ERR' });
    expect(names.nameOf(KEY)).toBe('Office');
  });

  it('are told to whoever looks at keys live (C3)', async () => {
    const touched: string[] = [];
    const ledger = noticedLedger(createMemoryLedger({ now: () => wall(0) }), (...topics) => void touched.push(...topics));
    await (await open(ledger)).change(KEY, 'Office', '127.0.0.1');
    expect(touched.toSorted()).toEqual(['audit', 'keys']);
  });
});
