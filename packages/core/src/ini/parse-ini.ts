// Files as `hasplm.ini` is written: sections, `key = value`, keys that repeat, comments behind ; or # on lines of their own and behind ` ;` at
// the end of a line. Every character is kept, so that a file is written again as it was read, but for what was changed (edit-ini.ts).

/** What is wrong with a line; `line` counts from 1. */
export type IniFault = { readonly line: number; readonly fault: string };

/** One `key = value`. `section` is empty before the first one. Names are as they are written; they are compared without their case. */
export type IniEntry = { readonly section: string; readonly key: string; readonly value: string; readonly line: number };

/** `text` is the line without its end; the value of an entry is `text.slice(from, to)`. */
export type IniLine = { readonly text: string; readonly end: string } & (
  | { readonly kind: 'section'; readonly name: string }
  | { readonly kind: 'entry'; readonly key: string; readonly from: number; readonly to: number }
  | { readonly kind: 'note' }
  | { readonly kind: 'fault'; readonly fault: string }
);
export type Ini = { readonly mark: string; readonly lines: readonly IniLine[] };

/** BOUNDED: characters and lines of a file; no real one comes near. */
export const MAX_INI = 1024 * 1024;
export const MAX_INI_LINES = 65_536;

const MARK = '\ufeff';
export const EMPTY_INI: Ini = { mark: '', lines: [] };

/** One line without its end. */
export const parseLine = (text: string, end = ''): IniLine => {
  const trimmed = text.trim();
  if (trimmed === '' || trimmed.startsWith(';') || trimmed.startsWith('#')) return { kind: 'note', text, end };
  const fault = (what: string): IniLine => ({ kind: 'fault', text, end, fault: what });
  // Those of the second half are letters of older files (ini-bytes.ts).
  if (/(?![\t\u0080-\u009f])\p{Cc}/u.test(text)) return fault('a control character is in this line');
  if (trimmed.startsWith('[')) {
    const close = trimmed.indexOf(']');
    if (close < 0) return fault('the ] of the section is missing');
    const behind = trimmed.slice(close + 1).trim();
    if (behind !== '' && !behind.startsWith(';') && !behind.startsWith('#')) return fault('something stands behind the ] of the section');
    return { kind: 'section', text, end, name: trimmed.slice(1, close).trim() };
  }
  const equals = text.indexOf('=');
  if (equals < 0) return fault('this is neither [section], nor key = value, nor a comment behind ; or #');
  const key = text.slice(0, equals).trim();
  if (key === '') return fault('the name in front of the = is missing');
  let from = equals + 1;
  while (from < text.length && /\s/.test(text.charAt(from))) from += 1;
  let to = from;
  while (to < text.length && !(text[to] === ';' && /\s/.test(text.charAt(to - 1)))) to += 1;
  while (to > from && /\s/.test(text.charAt(to - 1))) to -= 1;
  return { kind: 'entry', text, end, key, from, to };
};

/** Never throws: what is not understood is a fault, and the rest of the file is read all the same. */
export const parseIni = (source: string): { readonly ini: Ini; readonly faults: readonly IniFault[] } => {
  if (source.length > MAX_INI) return { ini: EMPTY_INI, faults: [{ line: 1, fault: `the file has more than ${MAX_INI} characters` }] };
  const mark = source.startsWith(MARK) ? MARK : '';
  const lines: IniLine[] = [];
  const faults: IniFault[] = [];
  for (const [whole] of source.slice(mark.length).matchAll(/[^\n]*\n|[^\n]+$/g)) {
    if (lines.length >= MAX_INI_LINES)
      return { ini: EMPTY_INI, faults: [{ line: lines.length + 1, fault: `the file has more than ${MAX_INI_LINES} lines` }] };
    const end = whole.endsWith('\r\n') ? '\r\n' : whole.endsWith('\n') ? '\n' : '';
    const line = parseLine(whole.slice(0, whole.length - end.length), end);
    lines.push(line);
    if (line.kind === 'fault') faults.push({ line: lines.length, fault: line.fault });
  }
  return { ini: { mark, lines }, faults };
};

export const writeIni = ({ mark, lines }: Ini): string => mark + lines.map(({ text, end }) => text + end).join('');

/** In their order. */
export const entriesOf = ({ lines }: Ini): readonly IniEntry[] => {
  const entries: IniEntry[] = [];
  let section = '';
  for (const [index, line] of lines.entries()) {
    if (line.kind === 'section') section = line.name;
    else if (line.kind === 'entry') entries.push({ section, key: line.key, value: line.text.slice(line.from, line.to), line: index + 1 });
  }
  return entries;
};

/** Whether two names of sections or keys are the same one. */
export const sameName = (a: string, b: string): boolean => a.toLowerCase() === b.toLowerCase();
