import { createSecretKey } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { wall } from '@keyhaven/core/time';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { hashOf, NO_HASH } from './audit-chain.ts';
import type { AuditVerdict, Ledger } from './port.ts';
import { openSharedLedger } from './shared.ts';
import { openSqliteLedger } from './sqlite.ts';

// Whoever can write the file and has not the ledger's key changes the audit in every way; the walk names the first record that does not fit.

const options = (directory: string, auditKept?: number) => ({
  directory,
  now: () => wall(1_000),
  authenticationKey: createSecretKey(Buffer.alloc(32, 3)),
  ...(auditKept === undefined ? {} : { auditKept }),
});
const adapters: Readonly<Record<string, (directory: string, auditKept?: number) => Promise<Ledger>>> = {
  owned: (directory, auditKept) => openSqliteLedger(options(directory, auditKept)),
  shared: (directory, auditKept) => openSharedLedger(options(directory, auditKept)),
};

describe.each(Object.entries(adapters))('the chained audit of a ledger that is %s (C5)', (_name, open) => {
  let directory = '';
  beforeEach(() => {
    directory = mkdtempSync(join(tmpdir(), 'ledger-chain-'));
  });
  afterEach(() => rmSync(directory, { recursive: true }));

  const write = async (ledger: Ledger, blocks: number, each = 3): Promise<void> => {
    for (let block = 0; block < blocks; block += 1) {
      const audit = Array.from({ length: each }, (_, index) => ({
        kind: 'granted',
        scope: '7',
        detail: { user: `user ${block}.${index}` },
      }));
      await ledger.update([], () => ({ changes: [], audit, reply: undefined }));
    }
  };
  const once = async <T>(work: (ledger: Ledger) => Promise<T>, auditKept?: number): Promise<T> => {
    const ledger = await open(directory, auditKept);
    try {
      return await work(ledger);
    } finally {
      await ledger.close();
    }
  };
  const edit = (work: (database: DatabaseSync) => void): void => {
    const database = new DatabaseSync(join(directory, 'ledger.db'));
    work(database);
    database.close();
  };
  const run = (sql: string): void => edit((database) => database.exec(sql));
  const faultOf = ({ fault }: AuditVerdict): number | undefined => fault?.sequence;
  /** What a walk says now, and again when the ledger went on. */
  const judged = async (): Promise<(number | undefined)[]> =>
    once(async (ledger) => {
      const now = faultOf(await ledger.verifyAudit());
      await write(ledger, 1);
      return [now, faultOf(await ledger.verifyAudit())];
    });
  /** Rewrites the texts from a record on and all hashes behind it, as somebody does who knows the chain and not the key. */
  const forge = (from: number): void =>
    edit((database) => {
      let before = NO_HASH;
      for (const row of database.prepare('SELECT first, entries FROM audit ORDER BY first').all()) {
        const first = Number(row['first']);
        const entries: unknown[] = JSON.parse(String(row['entries']));
        const forged = entries.map((entry, index) => (first + index === from ? [1, 'granted', '7', { user: 'another' }] : entry));
        const hashes = forged.map((entry, index) => {
          before = hashOf(before, first + index, JSON.stringify(entry));
          return before;
        });
        database
          .prepare('UPDATE audit SET entries = ?, hashes = ? WHERE first = ?')
          .run(JSON.stringify(forged), Buffer.from(hashes.join(''), 'hex'), first);
      }
    });

  it('names an edited record, and the one behind it where its hash was edited, too', async () => {
    await once((ledger) => write(ledger, 4));
    run("UPDATE audit SET entries = replace(entries, 'user 1.1', 'user 9.9')");
    expect(await judged()).toEqual([5, 5]);
  });

  it('finds a chain that was written anew, now and when it has gone on', async () => {
    await once((ledger) => write(ledger, 4));
    forge(5);
    expect(await judged()).toEqual([12, 13]);
  });

  it('finds a chain that was written anew together with its end, whose seal cannot be', async () => {
    await once((ledger) => write(ledger, 4));
    forge(5);
    edit((database) => {
      const value = Buffer.from(database.prepare("SELECT value FROM meta WHERE name = 'audit'").get()?.['value'] as Uint8Array);
      const hashes = Buffer.from(database.prepare('SELECT hashes FROM audit ORDER BY first DESC LIMIT 1').get()?.['hashes'] as Uint8Array);
      value.write(hashes.subarray(-32).toString('hex'), 32 + '12 '.length, 'latin1');
      database.prepare("UPDATE meta SET value = ? WHERE name = 'audit'").run(value);
    });
    expect(await judged()).toEqual([12, 13]);
  });

  it('names the first of records that were taken out: in the middle, at the beginning, at the end', async () => {
    await once((ledger) => write(ledger, 4));
    run('DELETE FROM audit WHERE first = 4');
    expect(await judged()).toEqual([4, 4]);
    run('DELETE FROM audit WHERE first = 1');
    expect(await judged()).toEqual([1, 1]);
  });
  it('gives no number twice when the end was taken out', async () => {
    await once((ledger) => write(ledger, 4));
    run('DELETE FROM audit WHERE first = 10');
    expect(await judged()).toEqual([10, 10]);
    expect(await once(async (ledger) => (await ledger.audit({ limit: 1 }))[0]?.sequence)).toBe(15);
  });

  it('finds added records: in between, doubled, and behind the end', async () => {
    await once((ledger) => write(ledger, 4));
    run('INSERT INTO audit (first, count, entries) VALUES (13, 1, \'[[1,"granted","7",{}]]\')');
    expect(await judged()).toEqual([13, 13]);
    run('INSERT INTO audit (first, count, entries) VALUES (5, 1, \'[[1,"granted","7",{}]]\')');
    expect((await judged())[0]).toBe(5);
  });

  it('finds records that changed their places, a text that is none, and a missing end', async () => {
    await once((ledger) => write(ledger, 4));
    run(
      'UPDATE audit SET first = first + 100 WHERE first = 4; UPDATE audit SET first = 4 WHERE first = 7; UPDATE audit SET first = 7 WHERE first = 104',
    );
    expect((await judged())[0]).toBe(4);
    run("UPDATE audit SET entries = 'no JSON' WHERE first = 1");
    expect((await judged())[0]).toBe(1);
    expect(await once(async (ledger) => (await ledger.audit()).length)).toBe(15);
  });
  it('remembers that the end was missing', async () => {
    await once((ledger) => write(ledger, 4));
    run("DELETE FROM meta WHERE name = 'audit'");
    expect(await judged()).toEqual([12, 13]);
    expect(await judged()).toEqual([13, 13]);
  });

  it('leaves a checkpoint where records were pruned, and goes on from it', async () => {
    const verdict = await once(async (ledger) => {
      await write(ledger, 40, 5);
      return ledger.verifyAudit();
    }, 80);
    expect(verdict).toMatchObject({ to: 200 });
    expect(verdict.fault).toBeUndefined();
    expect(verdict.from).toBeGreaterThan(90);
    const records = await once((ledger) => ledger.audit({ hashes: true }), 80);
    const oldest = records.at(-1);
    expect(records).toHaveLength(80);
    expect(oldest?.sequence).toBe(121);
    expect(await once((ledger) => ledger.verifyAudit(), 80)).toEqual(verdict);
    run('DELETE FROM audit WHERE first < 150');
    expect(faultOf(await once((ledger) => ledger.verifyAudit(), 80))).toBe(verdict.from);
  });

  it('begins behind the records of a ledger from before the chain', async () => {
    await once((ledger) => write(ledger, 4));
    run("DELETE FROM meta WHERE name = 'audit'; ALTER TABLE audit DROP COLUMN hashes");
    expect(await once((ledger) => ledger.verifyAudit())).toEqual({ from: 13, to: 12, head: NO_HASH, checkpoint: NO_HASH });
    expect(await judged()).toEqual([undefined, undefined]);
    expect(await once((ledger) => ledger.verifyAudit())).toMatchObject({ from: 13, to: 15 });
    expect(await once(async (ledger) => (await ledger.audit()).length)).toBe(15);
  });
});
