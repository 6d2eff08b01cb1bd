import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { wall } from '@keyhaven/core/time';
import { createMemoryLedger, type Ledger, type RowKey } from '@keyhaven/ledger';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { adoptIdentity, openBinding, readNextIdentity, systemEntropy } from '../machine/index.ts';
import { openLmId } from './index.ts';

describe('a new LM id', () => {
  let directory: string;
  let ledger: Ledger;
  let crossing: number;
  const events: Readonly<Record<string, unknown>>[] = [];
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'keyhaven-id-'));
    ledger = createMemoryLedger({ now: () => wall(1) });
    crossing = 0;
    events.length = 0;
  });
  afterEach(() => rm(directory, { recursive: true, force: true }));

  const bind = () => openBinding(directory, systemEntropy, ['id:here']);
  const start = async () =>
    openLmId({
      directory,
      ...(await bind()),
      ledger,
      entropy: systemEntropy,
      crossing: () => crossing,
      onEvent: (event) => events.push(event),
    });
  const put = (key: RowKey, row: object | undefined) =>
    ledger.update([key], () => ({ changes: [{ key, row }], audit: [], reply: undefined }));

  it('holds from the next start on, for good, and what was sealed before opens still', async () => {
    const before = await start();
    const sealed = (await bind()).seal.seal('a key', Buffer.from('secret'));
    expect(before.pending()).toBeUndefined();
    const made = await before.create(false);
    expect(made).toEqual({ guid: expect.stringMatching(/^[\w-]{40}$/) as string, waitsFor: 0 });
    expect(made.guid).not.toBe(before.self.guid);
    expect(await before.create(false), 'asked for twice').toEqual(made);
    expect(before.pending()).toEqual(made);

    const after = await start();
    expect([after.self.guid, [...after.former], after.pending()]).toEqual([made.guid, [before.self.guid], undefined]);
    const later = await start();
    expect([later.self.guid, [...later.former]]).toEqual([made.guid, [before.self.guid]]);
    expect((await bind()).seal.open('a key', sealed)?.toString()).toBe('secret');
    expect(await readdir(directory)).toEqual(['identity']);
    expect(await ledger.audit({ kind: 'new LM id' })).toMatchObject([{ detail: { before: before.self.guid, guid: made.guid } }]);
  });

  it.each<[string, RowKey, object]>([
    ['of another computer here', '77/session/ab', { holder: 'G'.repeat(40) }],
    ['of an application here at another one', 'lm/forwarded/ab', { peer: 'G'.repeat(40) }],
  ])('waits while there is a session %s', async (_, key, row) => {
    const before = await start();
    crossing = 1;
    expect(await before.create(false)).toMatchObject({ waitsFor: 1 });
    await put(key, row);
    const waiting = await start();
    expect(waiting.self.guid).toBe(before.self.guid);
    expect(events.at(-1)).toMatchObject({ level: 'warn', sessions: 1 });
    await put(key, undefined);
    expect((await start()).self.guid).toBe(waiting.pending()?.guid);
  });

  it('does not wait for sessions of this computer', async () => {
    await put('77/session/ab', { holder: 'local' });
    const before = await start();
    const { guid } = await before.create(false);
    expect((await start()).self.guid).toBe(guid);
  });

  it('does not wait where the administrator says so, also afterwards', async () => {
    await put('77/session/ab', { holder: 'G'.repeat(40) });
    const before = await start();
    crossing = 1;
    const { guid } = await before.create(false);
    expect((await start()).self.guid).toBe(before.self.guid);
    expect(await before.create(true)).toEqual({ guid, waitsFor: 0 });
    expect(await before.create(false), 'what was said stays said').toEqual({ guid, waitsFor: 0 });
    expect((await start()).self.guid).toBe(guid);
  });

  it('is taken whole where a crash comes in between, and not taken on another computer', async () => {
    const before = await start();
    const { guid } = await before.create(false);
    const { seal } = await bind();
    const next = readNextIdentity(directory, seal);
    const file = await readFile(join(directory, 'identity.next'));
    if (next === undefined) throw new Error('nothing is ready');
    await adoptIdentity(directory, seal, next);
    await writeFile(join(directory, 'identity.next'), file);
    const after = await start();
    expect([after.self.guid, after.pending()]).toEqual([guid, undefined]);
    expect(await readdir(directory)).toEqual(['identity']);

    const other = await mkdtemp(join(tmpdir(), 'keyhaven-id-'));
    const elsewhere = await openBinding(other, systemEntropy, ['id:there']);
    await writeFile(join(other, 'identity.next'), file);
    expect(readNextIdentity(other, elsewhere.seal)).toBeUndefined();
    await rm(other, { recursive: true, force: true });
  });

  it('knows sixteen that it had before', async () => {
    const had: string[] = [];
    for (let time = 0; time < 20; time += 1) {
      const lmId = await start();
      had.unshift(lmId.self.guid);
      await lmId.create(false);
    }
    expect([...(await start()).former]).toEqual(had.slice(0, 16));
  });
});
