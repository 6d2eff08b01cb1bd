import { LicensingError, Status } from '@keyhaven/core/errors';
import { type Format, toFormat } from '@keyhaven/core/format';
import { MAX_CALL_BYTES } from '@keyhaven/core/session';
import { bytes, fieldsOf, U32, whole, wrong } from './arguments.ts';

// The arguments of a session's calls.

/** Bytes of the application, which it may change or transfer while a call is under way. */
export type Data = { readonly bytes: Uint8Array; readonly length: number };

const dataOf = (value: unknown, name: string): Data => {
  const given = bytes(value, name);
  return { bytes: given, length: given.byteLength };
};
/** The same bytes, for a call that is sent again. @throws LicensingError INVALID_PARAMETER (501) */
export const unchanged = ({ bytes: given, length }: Data): Uint8Array => {
  if (given.byteLength === length) return given;
  throw new LicensingError(Status.INVALID_PARAMETER, {
    detail: 'The data was transferred or resized before the call was done, and the call has to be sent again.',
    remedy: 'Leave the data as it is until the promise of the call is settled.',
  });
};

/** For `encrypt` and `decrypt`. */
export const readData = (value: unknown): Data => {
  const data = dataOf(value, 'data');
  if (data.length > MAX_CALL_BYTES) {
    throw new LicensingError(Status.INVALID_PARAMETER, {
      detail: `data has ${data.length} bytes, and one call takes at most ${MAX_CALL_BYTES}.`,
      remedy: 'Pass the data in several calls.',
    });
  }
  return data;
};

export const readFile = (value: unknown): number => whole(value, 'file', 0, U32);
const readPlace = (fields: { readonly file: unknown; readonly offset: unknown }) => ({
  file: readFile(fields.file),
  offset: whole(fields.offset, 'offset', 0, U32),
});
export const readRange = (value: unknown): { readonly file: number; readonly offset: number; readonly length: number } => {
  const fields = fieldsOf(value, 'the options of read', ['file', 'offset', 'length']);
  return { ...readPlace(fields), length: whole(fields.length, 'length', 0, U32) };
};
export const readWrite = (value: unknown): { readonly file: number; readonly offset: number; readonly data: Data } => {
  const fields = fieldsOf(value, 'the options of write', ['file', 'offset', 'data']);
  return { ...readPlace(fields), data: dataOf(fields.data, 'data') };
};

/** @throws LicensingError INV_FORMAT (15), INV_SPEC (35) */
export const readFormat = (value: unknown): Format => {
  if (typeof value !== 'string' && (typeof value !== 'object' || value === null))
    throw wrong('format', 'the name of a format, XML, or an object', value, Status.INV_FORMAT);
  // `toFormat` takes anything, and refuses what is no format.
  return toFormat(value as Format);
};
