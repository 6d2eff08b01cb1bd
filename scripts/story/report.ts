import { type Decoder, integer, literal, object, parseJson, tagged, text } from '@keyhaven/core/parse';

// What the application of the story reports, one line of JSON each. Times in milliseconds.

export type Refused = { readonly kind: 'refused'; readonly status: number; readonly name: string; readonly message: string };
export type Granted = {
  readonly kind: 'granted';
  readonly session: string;
  readonly key: string;
  readonly feature: number;
  readonly hostname: string;
  readonly address: string;
  /** Of the last attempt, or from the refusal to the grant. */
  readonly took: number;
};
export type Encrypted = {
  readonly kind: 'encrypted';
  readonly plain: string;
  /** The first bytes of the result, hexadecimal. */
  readonly begins: string;
  readonly bytes: number;
  readonly opened: string;
  readonly took: number;
};
export type Written = {
  readonly kind: 'written';
  readonly file: number;
  readonly wrote: string;
  readonly read: string;
  readonly took: number;
};
export type LoggedOut = { readonly kind: 'logged out'; readonly took: number };
export type Report = Refused | Granted | Encrypted | Written | LoggedOut;

const line = text(500);
const time = integer(0, 3_600_000);

const report: Decoder<Report> = tagged<Report>('kind', {
  refused: object({ kind: literal('refused'), status: integer(1, 999), name: line, message: line }),
  granted: object({
    kind: literal('granted'),
    session: line,
    key: line,
    feature: integer(0, 0xffff_ffff),
    hostname: line,
    address: line,
    took: time,
  }),
  encrypted: object({ kind: literal('encrypted'), plain: line, begins: line, bytes: time, opened: line, took: time }),
  written: object({ kind: literal('written'), file: integer(0, 0xffff_ffff), wrote: line, read: line, took: time }),
  'logged out': object({ kind: literal('logged out'), took: time }),
});

export const parseReport = (text: string): Report => parseJson(report, text, 'report');
