import type { Buffer } from 'node:buffer';
import { LicensingError, Status } from '@keyhaven/core/errors';
import type { SentFile } from './route.ts';

// multipart/form-data (RFC 7578) as browsers and curl send it: whole in memory, without encodings of its own. Names of files are for people and
// name nothing here (S2, S17).

/** BOUNDED: parts of a body, bytes of the head of one, characters of a name. */
const MAX_PARTS = 64;
const MAX_HEAD = 4 * 1024;
const MAX_NAME = 200;

const wrong = (detail: string): LicensingError =>
  new LicensingError(Status.UPLOAD_ERROR, { detail, remedy: 'Send the file with: curl -F file=@FILE, or drop it on the page.' });

/** The last part of a path, without what is no letter. */
const nameIn = (head: string): string | undefined => {
  const [, quoted, bare] = /;\s*filename="((?:[^"\\]|\\.)*)"|;\s*filename=([^;\s]+)/i.exec(head) ?? [];
  const name = quoted ?? bare;
  return name
    ?.split(/[\\/]/)
    .at(-1)
    ?.replaceAll(/\p{Cc}/gu, '')
    .slice(0, MAX_NAME);
};

/** The files of a body; fields that are no files are passed over. @throws LicensingError UPLOAD_ERROR (57) where it is cut off or no such body */
export const filesIn = (contentType: string, body: Buffer): readonly SentFile[] => {
  const [, quoted, bare] = /;\s*boundary=(?:"([^"]{1,70})"|([^;\s"]{1,70}))/i.exec(contentType) ?? [];
  const boundary = quoted ?? bare;
  if (boundary === undefined) throw wrong('The body says no boundary of its parts.');
  const line = `--${boundary}`;
  const between = `\r\n${line}`;
  const files: SentFile[] = []; // BOUNDED by MAX_PARTS
  let at = body.indexOf(line);
  if (at !== 0 && !(at > 0 && body.subarray(at - 2, at).toString('latin1') === '\r\n')) throw wrong('The body has no parts.');
  at += line.length;
  for (let count = 0; body.subarray(at, at + 2).toString('latin1') !== '--'; count += 1) {
    if (count >= MAX_PARTS) throw wrong(`The body has more than ${MAX_PARTS} parts.`);
    const headEnd = body.indexOf('\r\n\r\n', at);
    if (body.subarray(at, at + 2).toString('latin1') !== '\r\n' || headEnd < 0 || headEnd - at > MAX_HEAD)
      throw wrong('A part of the body has no head.');
    const head = body.subarray(at + 2, headEnd).toString('utf8');
    const end = body.indexOf(between, headEnd + 2);
    if (end < 0) throw wrong('The body was cut off before the end of a part.');
    const name = nameIn(head);
    const start = Math.min(headEnd + 4, end);
    if (name !== undefined) files.push({ name, bytes: body.subarray(start, end) });
    at = end + between.length;
  }
  if (files.length === 0) throw wrong('No file is in the body.');
  return files;
};
