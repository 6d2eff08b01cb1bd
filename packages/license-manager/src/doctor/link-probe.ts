import { Buffer } from 'node:buffer';
import { toBase64, WireError } from '@keyhaven/core/bytes';
import {
  type BackState,
  type Block,
  decodeBlocks,
  decodeBody,
  encodeBlocks,
  encodeBody,
  type LinkKeys,
  MAX_PADDING,
  type Probing,
  sinceVersion,
} from '@keyhaven/core/link';
import { SECOND } from '@keyhaven/core/time';
import type { PeerAddress } from '../peers/index.ts';
import { type Posted, postOnce } from './post-once.ts';
import type { DoctorSurroundings } from './surroundings.ts';

// A link of the doctor's own, for the few questions of K20. Each has a connection of its own, so that one that is stuck stops no other.

export type Asked =
  | { readonly kind: 'told'; readonly yes: boolean }
  | { readonly kind: 'silent' }
  | { readonly kind: 'failed'; readonly code: string };
export type ProbeLink = {
  ask(what: Exclude<Probing, 'size'>, number: number): Promise<Asked>;
  /** Whether a request with so much, and an answer with so much, is answered. */
  size(there: number, back: number): Promise<Asked>;
  /** What became of the one connection of this number that it opens to this computer; undefined where it did not say. */
  back(number: number): Promise<BackState | 'too old' | undefined>;
};
export type Confirmed = { readonly link: ProbeLink } | { readonly denied: string } | { readonly failed: string };

/** A computer that is busy answers late; only of large packets silence means something, and then a small one is answered. */
const PATIENCE = { connectMs: 3 * SECOND, answerMs: 3 * SECOND };
const SIZE_PATIENCE = { connectMs: 2 * SECOND, answerMs: 1.5 * SECOND };
/** More than any packet of a local network, and in whole packets. */
export const LARGE = Math.min(4_000, MAX_PADDING);

const failureOf = (posted: Posted): string => {
  switch (posted.kind) {
    case 'silent':
      return 'no answer';
    case 'failed':
      return posted.code;
    case 'reply':
      return `HTTP ${posted.reply.code}`;
  }
};

/** @throws nothing: what fails is told. */
export const confirmLink = async (
  around: Pick<DoctorSurroundings, 'clock' | 'note'>,
  address: PeerAddress,
  { confirmation, keys }: { readonly confirmation: Uint8Array; readonly keys: LinkKeys },
): Promise<Confirmed> => {
  const confirmed = await postOnce(around, address, '/lm/v1/confirm', toBase64(confirmation), PATIENCE);
  if (confirmed.kind === 'reply' && confirmed.reply.code === 403) return { denied: confirmed.reply.text };
  if (confirmed.kind !== 'reply' || confirmed.reply.code !== 200) return { failed: failureOf(confirmed) };
  if (keys.version < 2) return { failed: 'it is of an older version, which cannot help' };
  let sequence = 0;
  const send = async (block: Block, patience = PATIENCE): Promise<{ readonly posted: Posted; readonly told: readonly Block[] }> => {
    sequence += 1;
    const sent = sequence;
    const text = encodeBody(keys.id, sent, encodeBlocks([block]), keys.outgoing);
    const posted = await postOnce(around, address, '/lm/v1/exchange', text, patience);
    if (posted.kind !== 'reply' || posted.reply.code !== 200) return { posted, told: [] };
    const body = decodeBody(posted.reply.text, keys.incoming);
    if (body.sequence !== sent) throw new WireError('another answer');
    return { posted, told: decodeBlocks(body.blocks) };
  };
  const exchange = async (block: Extract<Block, { kind: 'probe' }>, patience = PATIENCE): Promise<Asked> => {
    try {
      const { posted, told: all } = await send(block, patience);
      if (posted.kind === 'silent') return { kind: 'silent' };
      if (posted.kind !== 'reply' || posted.reply.code !== 200) return { kind: 'failed', code: failureOf(posted) };
      const told = all.find((each) => each.kind === 'probed' && each.what === block.what);
      return told?.kind === 'probed' ? { kind: 'told', yes: told.yes } : { kind: 'failed', code: 'another answer' };
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      return { kind: 'failed', code: error.message };
    }
  };
  const padding = (length: number): Buffer => Buffer.alloc(length);
  return {
    link: {
      ask: (what, number) => exchange({ kind: 'probe', what, number, padding: padding(0) }),
      async size(there, back) {
        const probe = (to: number, from: number): Promise<Asked> =>
          exchange({ kind: 'probe', what: 'size', number: from, padding: padding(to) }, SIZE_PATIENCE);
        const large = await probe(there, back);
        if (large.kind !== 'silent') return large;
        // It is the size only where a small one passes in the same time: else the computer is slow.
        const small = await probe(0, 0);
        return small.kind === 'told' ? large : { kind: 'failed', code: 'no answer in time' };
      },
      async back(number) {
        if (sinceVersion('test back') > keys.version) return 'too old';
        try {
          const { told } = await send({ kind: 'test back', number });
          const tested = told.find((each) => each.kind === 'tested back');
          return tested?.kind === 'tested back' && tested.number === number ? tested.state : undefined;
        } catch (error) {
          if (!(error instanceof WireError)) throw error;
          return undefined;
        }
      },
    },
  };
};
