import { type Look, toned } from './color.ts';
import { type Cell, layout } from './print.ts';
import { cutTo, plain } from './width.ts';

// A list that changes, for people: on a terminal drawn over the one before, with the rows that changed marked; elsewhere a block for each change.

/** A row, what it is known by, and what its change is seen by where that is not all of its cells. */
export type Row = { readonly id: string; readonly cells: readonly Cell[]; readonly state?: string };
export type Listed = { readonly heads: readonly string[]; readonly rows: readonly Row[]; readonly none: string };

export type Screen = {
  show(list: Listed, at: Date): void;
  away(reason: string, againMs: number): void;
  /** Gives the terminal back as it was, with the list that was shown last. */
  close(): void;
};

const stateOf = ({ cells, state }: Row): string => state ?? JSON.stringify(cells);
const tableOf = ({ heads, rows, none }: Listed, look: Look, oneLine = false): string[] =>
  rows.length === 0
    ? [none]
    : layout(
        heads,
        rows.map(({ cells }) => cells),
        look,
        oneLine,
      );

/** What has come, changed and gone since the list before. */
export const differences = (
  before: readonly Row[],
  after: readonly Row[],
): { readonly marks: ReadonlyMap<string, '+' | '*'>; readonly gone: number } => {
  const old = new Map(before.map((row) => [row.id, stateOf(row)]));
  const marks = new Map<string, '+' | '*'>();
  for (const row of after) {
    const known = old.get(row.id);
    if (known === undefined) marks.set(row.id, '+');
    else if (known !== stateOf(row)) marks.set(row.id, '*');
    old.delete(row.id);
  }
  return { marks, gone: old.size };
};

const ENTER = '\u001B[?1049h\u001B[?25l';
const LEAVE = '\u001B[?25h\u001B[?1049l';
const HOME = '\u001B[H';
const REST_OF_LINE = '\u001B[K';
const REST_OF_SCREEN = '\u001B[J';
const MARK_WIDTH = 2;

/** `look` is asked at each drawing: terminals change their size. */
export const terminalScreen = (title: string, look: () => Look, write: (text: string) => void): Screen & { redraw(): void } => {
  let list: Listed | undefined;
  let when = new Date(0);
  let trouble = '';
  let changes: ReturnType<typeof differences> = { marks: new Map(), gone: 0 };
  const redraw = (): void => {
    if (list === undefined) return;
    const now = look();
    const { columns = 80, rows: height = 24 } = now;
    const body = tableOf(list, { ...now, columns: columns - MARK_WIDTH }, true);
    const headings = list.rows.length === 0 ? 1 : list.heads.length === 0 ? 0 : 1;
    const room = Math.max(1, height - 3);
    const hidden = body.length - room;
    const marked = body.slice(0, hidden > 0 ? room - 1 : room).map((line, index) => {
      const mark = changes.marks.get(list?.rows[index - headings]?.id ?? '') ?? ' ';
      return `${mark === ' ' ? mark : toned(mark, 'changed', now)} ${line}`;
    });
    const gone = changes.gone > 0 ? `  ${changes.gone} gone` : '';
    const state = trouble === '' ? `${when.toISOString().slice(11, 19)} UTC${gone}` : trouble;
    const lines = [
      toned(cutTo(`${title}  ${plain(state)}`, columns - 1), trouble === '' ? 'quiet' : 'bad', now),
      ...marked,
      ...(hidden > 0 ? [toned(`  and ${hidden + 1} more`, 'quiet', now)] : []),
      toned(cutTo('+ new  * changed  Ctrl-C ends', columns - 1), 'quiet', now),
    ];
    write(HOME + lines.map((line) => `${line}${REST_OF_LINE}`).join('\n') + REST_OF_SCREEN);
  };
  return {
    show(next, at) {
      if (list === undefined) write(ENTER);
      else {
        const found = differences(list.rows, next.rows);
        // Read again without a change, what was marked stays marked.
        if (found.marks.size > 0 || found.gone > 0) changes = found;
      }
      [list, when, trouble] = [next, at, ''];
      redraw();
    },
    away(reason, againMs) {
      trouble = `${reason} Tried again in ${againMs / 1_000} s.`;
      redraw();
    },
    redraw,
    close() {
      if (list === undefined) return;
      write(`${LEAVE}${tableOf(list, look()).join('\n')}\n`);
    },
  };
};

/** A block for each change, and what goes wrong on standard error. */
export const blockScreen = (look: () => Look, write: (text: string) => void, complain: (text: string) => void): Screen => {
  let shown: readonly Row[] | undefined;
  let isAway = false;
  return {
    show(list, at) {
      if (isAway) complain('The license manager is back.\n');
      isAway = false;
      const found = differences(shown ?? [], list.rows);
      if (shown !== undefined && found.marks.size === 0 && found.gone === 0) return;
      shown = list.rows;
      write(`${at.toISOString()}\n${tableOf(list, look()).join('\n')}\n\n`);
    },
    away(reason) {
      if (!isAway) complain(`${plain(reason)} It is tried again.\n`);
      isAway = true;
    },
    close: () => undefined,
  };
};
