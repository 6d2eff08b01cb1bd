import { hash } from 'node:crypto';
import type { AuditVerdict } from './port.ts';

// The chain of the audit (C5, docs/decisions/0002-ledger.md). The hash of a record is SHA-256 over the hash before it, its number and its canonical text, the JSON
// array [at, kind, scope, detail] as it is stored. So nobody edits, inserts, takes out or reorders a record without all hashes behind it
// changing; and the last hash, with that of the last record that was pruned, is sealed by the ledger's key, which an editor of the file has not.
//
// What this does not do: notice that the whole file was put back from an older time (row-seal.ts).

/** The hash before the first record, and behind one that has none. */
export const NO_HASH = '0'.repeat(64);

/** One end of the chain: a record's number and hash. */
export type Link = { readonly sequence: number; readonly hash: string };

export type ChainHead = {
  readonly last: Link;
  /** The last record that was pruned, or that was there before the chain. */
  readonly checkpoint: Link;
  /** Where the chain was first found broken when it was continued; 0 = nowhere. */
  readonly broken: number;
};

export const EMPTY_HEAD: ChainHead = { last: { sequence: 0, hash: NO_HASH }, checkpoint: { sequence: 0, hash: NO_HASH }, broken: 0 };

/** `before` and the result in hex. */
export const hashOf = (before: string, sequence: number, text: string): string => hash('sha256', `${before}\n${sequence}\n${text}`, 'hex');

/** What the ledger's key seals. */
export const headText = ({ last, checkpoint, broken }: ChainHead): string =>
  `${last.sequence} ${last.hash} ${checkpoint.sequence} ${checkpoint.hash} ${broken}`;

/** Undefined for what is no head. */
export const parseHead = (text: string): ChainHead | undefined => {
  const found = /^(\d{1,15}) ([0-9a-f]{64}) (\d{1,15}) ([0-9a-f]{64}) (\d{1,15})$/.exec(text);
  if (found === null) return undefined;
  const [, last, lastHash = '', checkpoint, checkpointHash = '', broken] = found;
  return {
    last: { sequence: Number(last), hash: lastHash },
    checkpoint: { sequence: Number(checkpoint), hash: checkpointHash },
    broken: Number(broken),
  };
};

/** Whether the end of the chain in the file is one that this ledger has sealed. */
export type HeadState = 'sealed' | 'broken' | 'missing';

export type ChainRecord = { readonly sequence: number; readonly text: string; readonly hash: string | undefined };

/** A walk along the chain: from where it goes on, until something does not fit. */
export type ChainWalk = { readonly at: Link; readonly fault: AuditVerdict['fault'] };

/** The first of these records, the oldest first, that does not fit behind `walk`; numbers that are missing are a fault, too. */
export const walkChain = (walk: ChainWalk, records: Iterable<ChainRecord>): ChainWalk => {
  let { at } = walk;
  if (walk.fault !== undefined) return walk;
  const broken = (sequence: number, reason: string): ChainWalk => ({ at, fault: { sequence, reason } });
  for (const { sequence, text, hash: said } of records) {
    if (sequence <= at.sequence) return broken(sequence, 'its number is there twice');
    if (sequence > at.sequence + 1) return broken(at.sequence + 1, `it is missing, and the next one there is ${sequence}`);
    if (said === undefined) return broken(sequence, 'it has no hash');
    if (hashOf(at.hash, sequence, text) !== said) return broken(sequence, 'its hash is not that of its text and the record before it');
    at = { sequence, hash: said };
  }
  return { at, fault: undefined };
};

/** What is said when the walk has come to the end of the chain. */
export const verdictOf = (end: {
  readonly walk: ChainWalk;
  readonly head: ChainHead;
  readonly state: HeadState;
  readonly newest: number;
}): AuditVerdict => {
  const { last, checkpoint, broken } = end.head;
  const verdict = { from: checkpoint.sequence + 1, to: last.sequence, head: last.hash, checkpoint: checkpoint.hash };
  const found = end.walk.fault ?? endFault(end);
  if (broken !== 0 && (found === undefined || broken < found.sequence))
    return {
      ...verdict,
      fault: { sequence: broken, reason: 'when it was written, the end of the chain before it was not the one that was sealed' },
    };
  return found === undefined ? verdict : { ...verdict, fault: found };
};

const endFault = ({ walk: { at }, head: { last }, state, newest }: Parameters<typeof verdictOf>[0]): AuditVerdict['fault'] => {
  if (state !== 'sealed')
    return { sequence: Math.max(last.sequence, newest), reason: 'the hash that it ends the chain with is not sealed' };
  if (at.sequence !== last.sequence) return { sequence: at.sequence + 1, reason: 'it is missing, and so is all behind it' };
  if (at.hash !== last.hash)
    return { sequence: last.sequence, reason: 'the chain up to it was written anew: its hash is not the sealed one' };
  return newest > last.sequence ? { sequence: last.sequence + 1, reason: 'it was added behind the sealed end of the chain' } : undefined;
};
