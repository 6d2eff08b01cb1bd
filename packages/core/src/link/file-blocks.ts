import { Buffer } from 'node:buffer';
import { type Reader, WireError, type Writer } from '../bytes/index.ts';

// Licenses that are lent and given back over a link (K5): the documents of core/transfer as they are, in two blocks. docs/protocol/link.md K26.

export type FileQuestion = {
  readonly kind: 'ask file';
  /** Chosen by the caller, for the answer. */
  readonly number: number;
  readonly wish:
    | {
        readonly what: 'detach';
        /** The key that is to lend. */
        readonly key: string;
        readonly product: number;
        /** undefined = as the owner does where nobody says how long. */
        readonly seconds: number | undefined;
        /** To serve over a network there; undefined = one, for the recipient alone. */
        readonly seats: number | undefined;
      }
    | { readonly what: 'return' };
  /** The ID, or the R2H: the document itself, without armor. */
  readonly document: Uint8Array;
};
export type FileAnswer = {
  readonly kind: 'file';
  readonly number: number;
  readonly more: boolean;
  /** 0 = the file, or a part of it; of a return nothing. */
  readonly status: number;
  readonly detail: string;
  readonly remedy: string;
  readonly part: Uint8Array;
};

export const codeOfFile = { 'ask file': 36, file: 37 } as const;
/** BOUNDED: bytes of an ID or an R2H. */
export const MAX_QUESTION = 16 * 1024;
/** BOUNDED: bytes of one part of a file. */
export const FILE_PART = 512 * 1024;
/** BOUNDED: bytes of each text of a refusal. */
const MAX_WORDS = 2_000;

const [DETACH, RETURN] = [1, 2];

export const writeFileQuestion = (out: Writer, { number, wish, document }: FileQuestion): Writer => {
  out.u32(number);
  if (wish.what === 'return') return out.u8(RETURN).block(document);
  return out
    .u8(DETACH)
    .u64(BigInt(wish.key))
    .u32(wish.product)
    .u32(wish.seconds ?? 0)
    .u32(wish.seats ?? 0)
    .block(document);
};
const orNone = (value: number): number | undefined => (value === 0 ? undefined : value);
export const readFileQuestion = (reader: Reader): FileQuestion => {
  const [number, what] = [reader.u32(), reader.u8()];
  if (what === RETURN) return { kind: 'ask file', number, wish: { what: 'return' }, document: reader.block(MAX_QUESTION) };
  if (what !== DETACH) throw new WireError('a wish that is neither to detach nor to return');
  const wish = {
    what: 'detach',
    key: reader.u64().toString(),
    product: reader.u32(),
    seconds: orNone(reader.u32()),
    seats: orNone(reader.u32()),
  } as const;
  return { kind: 'ask file', number, wish, document: reader.block(MAX_QUESTION) };
};

export const writeFile = (out: Writer, { number, more, status, detail, remedy, part }: FileAnswer): Writer =>
  out
    .u32(number)
    .u8(more ? 1 : 0)
    .u16(status)
    .text(detail.slice(0, MAX_WORDS / 4))
    .text(remedy.slice(0, MAX_WORDS / 4))
    .block(part);
export const readFile = (reader: Reader): FileAnswer => {
  const [number, more, status] = [reader.u32(), reader.u8(), reader.u16()];
  if (more > 1) throw new WireError('neither yes nor no');
  const [detail, remedy, part] = [reader.text(MAX_WORDS), reader.text(MAX_WORDS), reader.block(FILE_PART)];
  if (status !== 0 && (more === 1 || part.length > 0)) throw new WireError('a refusal with a file');
  return { kind: 'file', number, more: more === 1, status, detail, remedy, part };
};

/** A document as answers that fit into a block each, at least one. */
export const fileParts = (number: number, document: Uint8Array): FileAnswer[] => {
  const bytes = Buffer.from(document);
  const count = Math.max(1, Math.ceil(bytes.length / FILE_PART));
  return Array.from({ length: count }, (_, index) => ({
    kind: 'file',
    number,
    more: index < count - 1,
    status: 0,
    detail: '',
    remedy: '',
    part: bytes.subarray(index * FILE_PART, (index + 1) * FILE_PART),
  }));
};
