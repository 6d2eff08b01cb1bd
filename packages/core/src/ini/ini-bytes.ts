import { Buffer } from 'node:buffer';
import { LicensingError, Status } from '../errors/index.ts';

// Text editors have written ini files in UTF-8, in UTF-16 with a mark, and in the one-byte letters of their country. Each is read as what it
// is, so that writing it again gives the same bytes; of the last kind only the letters of ASCII are understood as they were meant.

export type IniEncoding = 'utf8' | 'utf16le' | 'latin1';

export const iniTextOf = (bytes: Uint8Array): { readonly text: string; readonly encoding: IniEncoding } => {
  const buffer = Buffer.from(bytes);
  const encoding: IniEncoding =
    buffer[0] === 0xff && buffer[1] === 0xfe && buffer.length % 2 === 0
      ? 'utf16le'
      : Buffer.from(buffer.toString('utf8'), 'utf8').equals(buffer)
        ? 'utf8'
        : 'latin1';
  return { text: buffer.toString(encoding), encoding };
};

/** @throws LicensingError 501 where the encoding of the file has not got a letter. */
export const iniBytesOf = (text: string, encoding: IniEncoding): Buffer => {
  const bytes = Buffer.from(text, encoding);
  if (bytes.toString(encoding) === text) return bytes;
  throw new LicensingError(Status.INVALID_PARAMETER, {
    detail: 'The new text has letters that the encoding of the file has not got.',
    remedy: 'Save the file as UTF-8 first.',
  });
};
