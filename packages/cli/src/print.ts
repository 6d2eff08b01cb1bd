import { type Look, lookOf, type Tone, toned } from './color.ts';
import { cutTo, plain, widthOf, wrapTo } from './width.ts';

// What commands print: tables for people, JSON documents for programs.

export type Cell = string | number | null | { readonly text: string; readonly tone: Tone };

const GAP = 2;
/** Columns are not cut below this, as long as there is another one to cut. */
const LEAST = 6;
/** What is copied into other commands is cut last. */
const isId = (head: string): boolean => /^(?:ID|KEY|GUID|SESSION)$/.test(head);
/** Sentences are wrapped, not cut: their end may be what to do. */
const isSentence = (head: string): boolean => /^(?:CAUSE|CAUSES|DETAIL|LATEST REFUSAL|REASON|REMEDY|STATE|WHAT)$/.test(head);
const LEAST_SENTENCE = 16;

const textOf = (cell: Cell | undefined): string => plain(typeof cell === 'object' && cell !== null ? cell.text : String(cell ?? '-'));
const isNumber = (cell: Cell | undefined): boolean => typeof cell === 'number' || (typeof cell === 'string' && /^\d+\.\d+$/.test(cell));
/** A column of numbers, where some of them may be missing or without limit. */
const isNumeric = (rows: readonly (readonly Cell[])[], column: number): boolean =>
  rows.some((row) => isNumber(row[column])) &&
  rows.every((row) => isNumber(row[column]) || [null, '', '-', 'unlimited'].some((each) => each === (row[column] ?? null)));

/** Widths that fit into the terminal, if they can: the widest text gives first, then ids. A number is shown whole, or not at all. */
const fitted = (widths: readonly number[], ranks: readonly number[], least: readonly number[], columns: number): number[] => {
  const found = [...widths];
  let over = found.reduce((sum, width) => sum + width + GAP, -GAP) - columns;
  for (let rank = 0; rank <= 1 && over > 0; rank += 1) {
    while (over > 0) {
      let widest = -1;
      for (const [column, width] of found.entries()) {
        const may = (ranks[column] ?? 0) <= rank && width > (rank > 0 ? LEAST : (least[column] ?? LEAST));
        if (may && (widest < 0 || width > (found[widest] ?? 0))) widest = column;
      }
      if (widest < 0) break;
      found[widest] = (found[widest] ?? 0) - 1;
      over -= 1;
    }
  }
  return found;
};

/** Aligned lines: the heads, unless there are none, and each row. Cut, and sentences wrapped unless `oneLine`, to the columns of a terminal. */
export const layout = (heads: readonly string[], rows: readonly (readonly Cell[])[], look: Look, oneLine = false): string[] => {
  const count = rows.reduce((most, row) => Math.max(most, row.length), heads.length);
  const all = Array.from({ length: count }, (_, column) => heads[column] ?? '');
  const numeric = all.map((_, column) => isNumeric(rows, column));
  const widths = all.map((head, column) =>
    rows.reduce((most, row) => (column < row.length ? Math.max(most, widthOf(textOf(row[column]))) : most), widthOf(head)),
  );
  const ranks = all.map((head, column) => (numeric[column] === true ? 2 : isId(head) ? 1 : 0));
  const least = all.map((head) => (isSentence(head) ? LEAST_SENTENCE : LEAST));
  const end = look.columns ?? Number.POSITIVE_INFINITY;
  const fit = look.columns === undefined ? widths : fitted(widths, ranks, least, end);
  /** From where to where each column goes; what begins behind the end of the line is not shown. */
  let used = 0;
  const room = fit.map((width) => {
    const own = Math.max(0, Math.min(width, end - used));
    used += width + GAP;
    return own;
  });
  const linesOf = (row: readonly Cell[], tone?: Tone): string[] => {
    const pieces = row.map((cell, column) => {
      const [text, width] = [textOf(cell), room[column] ?? 0];
      if (typeof cell === 'number' && widthOf(text) > width) return [''];
      return isSentence(all[column] ?? '') && !oneLine ? wrapTo(text, width) : [cutTo(text, width)];
    });
    return Array.from({ length: pieces.reduce((most, { length }) => Math.max(most, length), 1) }, (_, index) => {
      let [line, pending] = ['', 0];
      for (const [column, cell] of row.entries()) {
        const text = pieces[column]?.[index] ?? '';
        const blanks = (room[column] ?? 0) - widthOf(text);
        const own = tone ?? (typeof cell === 'object' && cell !== null ? cell.tone : undefined);
        if (numeric[column] === true) pending += blanks;
        // Blanks at the end of a line are left out.
        if (text.trim() !== '') {
          line += ' '.repeat(pending) + toned(text, own, look);
          pending = 0;
        } else pending += widthOf(text);
        pending += (numeric[column] === true ? 0 : blanks) + GAP;
      }
      return line;
    });
  };
  return [...(heads.length === 0 ? [] : linesOf(heads, 'head')), ...rows.flatMap((row) => linesOf(row))];
};

/**
 * Rows as an aligned table: by display width, numbers to the right, colored and cut on a terminal only. Control characters of foreign texts are taken
 * out (S8). `none` where there is no row.
 */
export const table = (
  heads: readonly string[],
  rows: readonly (readonly Cell[])[],
  none: string,
  look: Look = lookOf(process.stdout, process.env),
): string => (rows.length === 0 ? `${none}\n` : `${layout(heads, rows, look).join('\n')}\n`);

/** What JSON leaves as it is and a terminal does not: control characters of C1, and those that turn the direction of writing (S8). */
const escaped = (character: string): string => `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;

export const printJson = (value: unknown): void => {
  process.stdout.write(`${JSON.stringify(value).replaceAll(/[\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g, escaped)}\n`);
};

/** What a command did: a sentence for people, or one JSON document. */
export const say = (json: boolean | undefined, text: string, value: unknown): void => {
  if (json === true) printJson(value);
  else process.stdout.write(`${text}\n`);
};
