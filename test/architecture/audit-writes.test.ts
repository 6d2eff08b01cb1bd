import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { scan, type Token } from './scan.ts';

// C5: no failure to write the ledger is dropped in silence. Whatever nothing waits for goes through acts/audit-writer.ts, which reports what the disk refuses.

const root = join(import.meta.dirname, '../..');

/** Places that may drop a failure of the ledger, each with why. */
const ALLOWED: Readonly<Record<string, string>> = {
  'packages/license-manager/src/authority/ground.ts': 'it only reads: the next read finds the same',
  'packages/license-manager/src/compat/identities.ts': 'when an identity was last used is written the next time it is used',
  'packages/license-manager/src/peers/remote-sessions.ts': 'what is lost here is what a crash would lose, and lapses at the owner',
  'packages/license-manager/src/records.ts': 'it is the probe that tells readiness whether the disk refuses',
};

const closing = (tokens: readonly Token[], open: number): number => {
  let depth = 0;
  for (let at = open; at < tokens.length; at += 1) {
    const { kind, text } = tokens[at] ?? { kind: 'punct', text: '' };
    if (kind !== 'punct') continue;
    if (['(', '[', '{'].includes(text)) depth += 1;
    if ([')', ']', '}'].includes(text)) depth -= 1;
    if (depth === 0) return at;
  }
  return tokens.length;
};

/** Tokens after which a value is used. */
const USED = new Set(['await', 'return', '=>', '=', '?', ':', '(', ',', '[', '...', 'yield', '|', '&']);
const DROPS = new Set(['()=>undefined', '()=>{}', '()=>void0', '_=>undefined']);

/** Lines that drop the promise of an `update` of a ledger, or its failure. */
export const droppedUpdates = (source: string): readonly number[] => {
  const tokens = scan(source);
  const text = (at: number): string => tokens[at]?.text ?? '';
  return tokens.flatMap(({ text: word, line }, at) => {
    if (word !== 'update' || text(at - 1) !== '.' || !/ledger$/i.test(text(at - 2)) || !['(', '<'].includes(text(at + 1))) return [];
    let begin = at - 2;
    while (text(begin - 1) === '.' || text(begin - 1) === '?.') begin -= 2;
    let end = at + 1;
    while (text(end) !== '(') end += 1;
    end = closing(tokens, end);
    let drops = false;
    let reports = false;
    while (text(end + 1) === '.') {
      const close = closing(tokens, end + 3);
      const argument = tokens.slice(end + 4, close).map(({ text: each }) => each);
      if (text(end + 2) === 'catch') {
        if (DROPS.has(argument.join(''))) drops = true;
        else reports = true;
      }
      end = close;
    }
    return drops || (!reports && !USED.has(text(begin - 1))) ? [line] : [];
  });
};

const sources = globSync('packages/{license-manager,cli}/src/**/*.ts', { cwd: root })
  .map((file) => file.replaceAll('\\', '/'))
  .filter((file) => !/\.(test|testing)\.ts$/.test(file));
const read = (file: string): string => readFileSync(join(root, file), 'utf8');

describe('what the ledger refuses', () => {
  it('is dropped by nobody, but where nothing depends on it', () => {
    const found = sources.filter((file) => droppedUpdates(read(file)).length > 0);
    expect(found.toSorted()).toEqual(Object.keys(ALLOWED));
  });

  it.each([
    ['ledger.update([], f).catch(() => undefined);', 1],
    ["options.ledger.update([], () => ({ a: [1] }), { durability: 'later' }).catch(() => {});", 1],
    ['void ledger.update([], f);', 1],
    ['const a = () => { ledger.update<number>([], f) };', 1],
    ['const done = ledger.update([], f).catch(() => undefined);', 1],
    ['await ledger.update([], f);', 0],
    ['return authority.ledger.update([], f);', 0],
    ['ledger.update([], f).catch((error) => report(error));', 0],
    ['const later = () => ledger.update([], f);', 0],
    ['store.update([], f).catch(() => undefined);', 0],
  ])('is found in %s: %i', (code, count) => {
    expect(droppedUpdates(code)).toHaveLength(count);
  });

  it('goes through one function where an entry of the audit is not waited for', () => {
    const later = sources.filter((file) => /audit: \[(?!\]).*durability: 'later'/.test(read(file)));
    expect(later).toEqual([]);
  });
});
