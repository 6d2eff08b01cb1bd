import { type Reader, WireError, type Writer } from '../bytes/index.ts';

// The doctor has its own computer's inbound firewall tested (R10): the answering LM opens one TCP connection to the address that the request comes from, at port
// 1947, and says what became of it. The first block with a number begins that; later ones with the same number only ask. docs/protocol/link.md K36.

/** `pending`: begun, and not known yet. `not tried`: asked for too often. */
export const backStates = ['pending', 'connected', 'refused', 'silent', 'not tried'] as const;
export type BackState = (typeof backStates)[number];

export type TestBack = { readonly kind: 'test back'; readonly number: number };
export type TestedBack = { readonly kind: 'tested back'; readonly number: number; readonly state: BackState };

export const codeOfBack = { 'test back': 42, 'tested back': 43 } as const;

export const writeTestBack = (out: Writer, { number }: TestBack): Writer => out.u32(number);
export const readTestBack = (reader: Reader): TestBack => ({ kind: 'test back', number: reader.u32() });

export const writeTestedBack = (out: Writer, { number, state }: TestedBack): Writer => out.u32(number).u8(backStates.indexOf(state) + 1);
export const readTestedBack = (reader: Reader): TestedBack => {
  const [number, state] = [reader.u32(), backStates[reader.u8() - 1]];
  if (state === undefined) throw new WireError('an unknown outcome of a test');
  return { kind: 'tested back', number, state };
};
