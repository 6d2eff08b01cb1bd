import { Buffer } from 'node:buffer';

// The frame of the feeds that monitoring scripts read (C6): comments around flat objects of strings. It is no JSON, and everybody takes it apart
// in another way: by regular expressions, by cutting at `},`, by deleting comments and reading strictly. What is promised, for any text in any
// field: each of these ways finds the same rows, and none finds more (S8).

export type FeedName = 'features' | 'devices' | 'sessions' | 'diagnostics';
/** All values are strings, numbers too. */
export type FeedRow = Readonly<Record<string, string>>;

const html: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;', '\\': '&#92;' };

/** Text from outside as fields carry it: escaped as in HTML, for pages put it there as it is; without control characters. */
export const feedText = (text: string): string =>
  text
    .toWellFormed()
    .replaceAll(/[&<>"'\\]/g, (each) => html[each] ?? '')
    .replaceAll(/[\p{Cc}\u2028\u2029]/gu, ' ');

/** What means something to those who take a feed apart is written by number. */
const quoted = (value: string): string => JSON.stringify(value).replaceAll(/[{}*]/g, (each) => `\\u00${each.charCodeAt(0).toString(16)}`);

const objectOf = (row: FeedRow): string =>
  `{${Object.entries(row)
    .map(([name, value]) => `${quoted(name)}:${quoted(value)}`)
    .join(',')}}`;

/** Read by those who look for refusals; nothing may come after it. */
const STATUS = ['/*', ' <admin_status>', '  <code>0</code>', '  <text>SNTL_ADMIN_STATUS_OK</text>', ' </admin_status>', '*/'].join('\r\n');

/** BOUNDED: bytes of the rows of a feed, so that it stays under the 8 MiB that its readers take. */
const MAX_BYTES = 7.5 * 1024 * 1024;
/** BOUNDED: rows of a feed. */
export const MAX_FEED_ROWS = 10_000;

/** Rows with the trailer that counts them: also where there are none, and where there were more than a feed holds. */
export const feedOf = (name: Exclude<FeedName, 'diagnostics'>, rows: Iterable<FeedRow>): string => {
  const lines: string[] = [];
  let length = 0;
  for (const row of rows) {
    const line = objectOf(row);
    length += Buffer.byteLength(line) + 3;
    if (lines.length >= MAX_FEED_ROWS || length > MAX_BYTES) break;
    lines.push(line);
  }
  const trailer = name === 'devices' ? { cnt: String(lines.length) } : { fhaspid: '0', ffea: '0', cnt: String(lines.length) };
  return `/*JSON:${name}*/\r\n\r\n${[...lines, objectOf(trailer)].join(',\r\n')}\r\n${STATUS}\r\n`;
};

/** One object and no trailer. */
export const diagnosticsOf = (row: FeedRow): string => `/*JSON:diagnostics*/\r\n\r\n${objectOf(row)}\r\n${STATUS}\r\n`;

/** What an action is answered with that was done. */
export const ACTION_DONE = `OK\r\n${STATUS}\r\n`;
