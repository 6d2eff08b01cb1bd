import { Buffer } from 'node:buffer';
import type { DatabaseSync } from 'node:sqlite';
import { type ChainHead, EMPTY_HEAD, type HeadState, headText, parseHead } from './audit-chain.ts';
import { equalBytes, type RowSeal } from './row-seal.ts';

// The end of the audit's chain in the file: a row of `meta`, its text and the seal of it.

export type HeadRow = { readonly head: ChainHead; readonly state: HeadState };

export type HeadTable = {
  read(): HeadRow;
  /** Within the transaction of the caller. */
  write(head: ChainHead): void;
};

const SEAL = 32;
const MISSING: HeadRow = { head: EMPTY_HEAD, state: 'missing' };

export function openHeadTable(database: DatabaseSync, seal: RowSeal): HeadTable {
  const select = database.prepare("SELECT value FROM meta WHERE name = 'audit'");
  const replace = database.prepare("INSERT OR REPLACE INTO meta (name, value) VALUES ('audit', ?)");
  /** What was read or written last, which need not be authenticated again. */
  let known: { readonly value: Uint8Array; readonly row: HeadRow } | undefined;

  const judge = (value: Uint8Array): HeadRow => {
    const text = Buffer.from(value.subarray(SEAL)).toString('latin1');
    const head = parseHead(text);
    if (head === undefined) return { head: EMPTY_HEAD, state: 'broken' };
    return { head, state: equalBytes(seal.chain(text), value.subarray(0, SEAL)) ? 'sealed' : 'broken' };
  };

  return {
    read() {
      const value = select.get()?.['value'];
      if (!(value instanceof Uint8Array)) return MISSING;
      if (known === undefined || !equalBytes(known.value, value)) known = { value, row: judge(value) };
      return known.row;
    },

    write(head) {
      const text = headText(head);
      const value = Buffer.concat([seal.chain(text), Buffer.from(text, 'latin1')]);
      replace.run(value);
      known = { value, row: { head, state: 'sealed' } };
    },
  };
}
