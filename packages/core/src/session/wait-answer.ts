import type { Buffer } from 'node:buffer';
import { Reader, WireError, Writer } from '../bytes/index.ts';
import { decodeGrant, encodeGrant, type Grant, TICKET_BYTES } from './calls.ts';

// The answer to a `wait` (A4): a seat, or a place in line. docs/protocol/session.md G55.

export type WaitAnswer =
  | { readonly kind: 'granted'; readonly grant: Grant }
  /** `place` counts from 1. The ticket is to be shown when the application asks again. */
  | { readonly kind: 'waiting'; readonly place: number; readonly ticket: Uint8Array };

const codes = { granted: 1, waiting: 2 } as const satisfies Record<WaitAnswer['kind'], number>;

export const encodeWaitAnswer = (answer: WaitAnswer): Buffer => {
  const out = new Writer(96).u8(codes[answer.kind]);
  switch (answer.kind) {
    case 'granted':
      return out.bytes(encodeGrant(answer.grant)).done();
    case 'waiting':
      return out.u32(answer.place).bytes(answer.ticket).done();
  }
};

/** @throws WireError */
export const decodeWaitAnswer = (bytes: Uint8Array): WaitAnswer => {
  const reader = new Reader(bytes);
  const code = reader.u8();
  if (code === codes.granted) return { kind: 'granted', grant: decodeGrant(reader.rest()) };
  if (code !== codes.waiting) throw new WireError('neither a seat nor a place');
  const [place, ticket] = [reader.u32(), reader.bytes(TICKET_BYTES)];
  if (place === 0) throw new WireError('a place before the first');
  reader.end();
  return { kind: 'waiting', place, ticket };
};
