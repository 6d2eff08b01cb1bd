// Whether what is written may be colored, and how wide and how alive the place is that it is written to.

export type Environment = Readonly<Record<string, string | undefined>>;
/** What is asked of a stream; process.stdout and process.stderr have it. */
export type Output = { readonly isTTY?: boolean; readonly columns?: number; readonly rows?: number };
/** How something is written: `columns` and `rows` are those of a terminal, `live` whether it can be drawn over. */
export type Look = { readonly color: boolean; readonly live: boolean; readonly columns?: number; readonly rows?: number };

/**
 * On a terminal that is not dumb only. NO_COLOR that is not empty turns it off, before everything else (no-color.org); FORCE_COLOR that is not empty
 * turns it on (force-color.org), except `0` and `false`, which turn it off as in Node.js.
 */
export const mayColor = ({ isTTY }: Output, env: Environment): boolean => {
  const force = env['FORCE_COLOR'] ?? '';
  if ((env['NO_COLOR'] ?? '') !== '' || force === '0' || force === 'false') return false;
  return force !== '' || (isTTY === true && env['TERM'] !== 'dumb');
};

export const lookOf = (output: Output, env: Environment): Look => ({
  color: mayColor(output, env),
  live: output.isTTY === true && env['TERM'] !== 'dumb',
  ...(output.isTTY === true && output.columns !== undefined && output.columns > 0 ? { columns: output.columns } : {}),
  ...(output.isTTY === true && output.rows !== undefined && output.rows > 0 ? { rows: output.rows } : {}),
});

const codes = { head: 1, quiet: 2, good: 32, bad: 31, attention: 33, changed: 36 } as const;
export type Tone = keyof typeof codes;

export const toned = (text: string, tone: Tone | undefined, { color }: Pick<Look, 'color'>): string =>
  color && tone !== undefined && text !== '' ? `\u001B[${codes[tone]}m${text}\u001B[0m` : text;
