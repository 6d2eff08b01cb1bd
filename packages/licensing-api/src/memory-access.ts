import { LicensingError, Status } from '@keyhaven/core/errors';
import { type Call, FULL_RECORD, MAX_CALL_BYTES } from '@keyhaven/core/session';

// Reads and writes of key memory that are longer than one call may be (K3), in pieces. Each piece is atomic and durable when it is answered; all of
// them together are not: whoever reads meanwhile may see some of them. That the range is right is known before the first piece is sent.

export type MemoryCalls = {
  /** `repeated` says of a call that it may have been done already, its answer lost. */
  call<T>(make: (handle: number, repeated: boolean) => Call, take: (body: Uint8Array) => T): Promise<T>;
  size(file: number): Promise<number>;
};
type Range = { readonly file: number; readonly offset: number };

const PIECE = FULL_RECORD;

const checkRange = async (calls: MemoryCalls, { file, offset }: Range, length: number): Promise<void> => {
  const size = await calls.size(file);
  if (offset + length > size) throw new LicensingError(Status.MEM_RANGE, { detail: `The file has ${size} bytes.` });
};
const piecesOf = (length: number): readonly (readonly [start: number, end: number])[] =>
  Array.from({ length: Math.ceil(length / PIECE) }, (_, index) => [index * PIECE, Math.min(length, (index + 1) * PIECE)]);

const bytesOf = (body: Uint8Array): Uint8Array => new Uint8Array(body);
const readOnce = (calls: MemoryCalls, file: number, offset: number, length: number): Promise<Uint8Array> =>
  calls.call((handle) => ({ kind: 'read', handle, file, offset, length }), bytesOf);

const readInPieces = async (calls: MemoryCalls, range: Range, length: number): Promise<Uint8Array> => {
  await checkRange(calls, range, length);
  const whole = new Uint8Array(length);
  for (const [start, end] of piecesOf(length)) whole.set(await readOnce(calls, range.file, range.offset + start, end - start), start);
  return whole;
};

/** A short read is one call and one promise (P1). */
export const readMemory = (calls: MemoryCalls, range: Range, length: number): Promise<Uint8Array> =>
  length <= MAX_CALL_BYTES ? readOnce(calls, range.file, range.offset, length) : readInPieces(calls, range, length);

/** `again`: the data when a call is sent again; throws where it was changed meanwhile. */
export const writeMemory = async (calls: MemoryCalls, range: Range, data: Uint8Array, again = (): Uint8Array => data): Promise<void> => {
  const { file, offset } = range;
  const writeOnce = (start: number, end: number): Promise<void> => {
    const [continues, more] = [start > 0, end < length];
    return calls.call(
      (handle, repeated) => {
        const part = (repeated || continues ? again() : data).subarray(start, end);
        return repeated || continues || more
          ? { kind: 'piece', handle, file, offset: offset + start, piece: { repeated, continues, more }, data: part }
          : { kind: 'write', handle, file, offset, data: part };
      },
      () => undefined,
    );
  };
  const { length } = data;
  if (data.length <= MAX_CALL_BYTES) return writeOnce(0, data.length);
  await checkRange(calls, range, data.length);
  for (const [start, end] of piecesOf(data.length)) await writeOnce(start, end);
};
