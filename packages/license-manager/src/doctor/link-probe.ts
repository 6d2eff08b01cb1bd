import { Buffer } from 'node:buffer';
import { toBase64, WireError } from '@keyhaven/core/bytes';
import {
  type Block,
  decodeBlocks,
  decodeBody,
  encodeBlocks,
  encodeBody,
  type LinkKeys,
  MAX_PADDING,
  type Probing,
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
};
export type Confirmed = { readonly link: ProbeLink } | { readonly denied: string } | { readonly failed: string };

const PATIENCE = { connectMs: 2 * SECOND, answerMs: 1.5 * SECOND };
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
  const exchange = async (block: Extract<Block, { kind: 'probe' }>): Promise<Asked> => {
    sequence += 1;
    const sent = sequence;
    const text = encodeBody(keys.id, sent, encodeBlocks([block]), keys.outgoing);
    const posted = await postOnce(around, address, '/lm/v1/exchange', text, PATIENCE);
    if (posted.kind === 'silent') return { kind: 'silent' };
    if (posted.kind !== 'reply' || posted.reply.code !== 200) return { kind: 'failed', code: failureOf(posted) };
    try {
      const body = decodeBody(posted.reply.text, keys.incoming);
      const told = decodeBlocks(body.blocks).find((each) => each.kind === 'probed' && each.what === block.what);
      if (body.sequence !== sent || told?.kind !== 'probed') return { kind: 'failed', code: 'another answer' };
      return { kind: 'told', yes: told.yes };
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
      return { kind: 'failed', code: error.message };
    }
  };
  const padding = (length: number): Buffer => Buffer.alloc(length);
  return {
    link: {
      ask: (what, number) => exchange({ kind: 'probe', what, number, padding: padding(0) }),
      size: (there, back) => exchange({ kind: 'probe', what: 'size', number: back, padding: padding(there) }),
    },
  };
};
