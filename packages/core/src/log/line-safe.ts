// What other computers say goes into log files as text of one line that does nothing in a terminal (S8): characters that control
// something, break a line or change the direction of writing are written as `\x0a` or `\u202e`.

const CONTROL = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}\p{Cs}]/gu;

const escaped = (character: string): string => {
  const code = character.codePointAt(0) ?? 0;
  if (code < 0x100) return `\\x${code.toString(16).padStart(2, '0')}`;
  return code < 0x1_0000 ? `\\u${code.toString(16).padStart(4, '0')}` : `\\u{${code.toString(16)}}`;
};

/** BOUNDED: characters of one value. */
const MOST = 1_024;

/** A text of any origin for a line of a log. */
export const lineSafe = (text: string): string => (text.length > MOST ? `${text.slice(0, MOST)}...` : text).replace(CONTROL, escaped);

export type ParamValue = string | number | boolean | null;

/** Without blanks and brackets, so that no value looks like another field of the line. */
const saidValue = (value: ParamValue): string => {
  if (typeof value !== 'string') return String(value);
  const safe = lineSafe(value);
  return /^[\w.:@/\\+-]+$/.test(safe) ? safe : `"${safe.replaceAll('"', "'")}"`;
};

/** `feature=42, user="Zoë Ä"`: parameters as one text; those without a value are left out. */
export const saidParams = (params: Readonly<Record<string, ParamValue>>): string =>
  Object.entries(params)
    .filter(([, value]) => value !== null && value !== '')
    .map(([name, value]) => `${lineSafe(name)}=${saidValue(value)}`)
    .join(', ');
