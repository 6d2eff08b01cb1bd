import { LicensingError, Status } from '../errors/index.ts';
import { entriesOf, type Ini, type IniEntry, type IniLine, parseLine, sameName } from './parse-ini.ts';

// Changes of a file that leave all other bytes as they are: comments, order, spelling, line ends.

export type IniValue = { readonly key: string; readonly value: string };

/** @throws LicensingError 501 where reading would not give the same again. */
const check = ({ key, value }: IniValue): void => {
  const line = parseLine(`${key} = ${value}`);
  const read = line.kind === 'entry' ? { key: line.key, value: line.text.slice(line.from, line.to) } : undefined;
  if (read?.key === key && read.value === value && !/[\r\n]/.test(key + value)) return;
  throw new LicensingError(Status.INVALID_PARAMETER, {
    detail: `${JSON.stringify(`${key} = ${value}`.slice(0, 80))} cannot be written into a line of an ini file.`,
    remedy: 'Leave out line ends, control characters, spaces at the ends, and a ; behind a space.',
  });
};

const withValue = (line: IniLine, { key, value }: IniValue): IniLine => {
  if (line.kind !== 'entry') return line;
  const was = line.text.slice(line.from, line.to);
  if (was === value && sameName(line.key, key)) return line;
  const before = sameName(line.key, key) ? line.text.slice(0, line.from) : line.text.slice(0, line.from).replace(line.key, () => key);
  const rest = line.text.slice(line.to);
  const behind = rest.startsWith(';') && value !== '' ? ` ${rest}` : rest;
  const changed = parseLine(before + value + behind, line.end);
  const kept = changed.kind === 'entry' && changed.key === (sameName(line.key, key) ? line.key : key);
  // The line of an older writer may be too narrow for the new value (`key=`, and a value that begins with ;).
  return kept && changed.text.slice(changed.from, changed.to) === value ? changed : parseLine(`${key} = ${value}`, line.end);
};

/** The text of a line into which nothing was written has no end where it is the last one. */
const insert = (lines: IniLine[], at: number, added: readonly string[]): void => {
  if (added.length === 0) return;
  const before = lines[at - 1];
  const end = [lines[at - 1], lines[at - 2], lines[at]].find((line) => line !== undefined && line.end !== '')?.end ?? '\n';
  const open = before !== undefined && before.end === '';
  if (open) lines[at - 1] = parseLine(before.text.replace(/\r$/, ''), before.text.endsWith('\r') ? '\r\n' : end);
  const fresh = added.map((text, index) => parseLine(text, open && index === added.length - 1 ? '' : end));
  lines.splice(at, 0, ...fresh);
};

/** The line behind the last one of this section that says something; undefined where there is no such section. */
const endOf = (lines: readonly IniLine[], section: string): number | undefined => {
  let at: number | undefined = section === '' ? 0 : undefined;
  let current = '';
  for (const [index, line] of lines.entries()) {
    if (line.kind === 'section') current = line.name;
    if ((line.kind === 'section' || line.kind === 'entry') && sameName(current, section)) at = index + 1;
  }
  return at;
};

/** BOUNDED: comparisons for the longest common part; beyond that only what is the same at both ends stays. */
const MAX_COMPARISONS = 1_000_000;

/** Pairs of places, rising on both sides, of what is the same in both lists; as many as there can be. */
const common = <A, B>(a: readonly A[], b: readonly B[], same: (a: A, b: B) => boolean): readonly (readonly [number, number])[] => {
  if (a.length * b.length > MAX_COMPARISONS) return [];
  const width = b.length + 1;
  const best = new Uint32Array((a.length + 1) * width);
  const at = (i: number, j: number): number => best[i * width + j] ?? 0;
  for (const [i, left] of [...a.entries()].reverse()) {
    for (const [j, right] of [...b.entries()].reverse())
      best[i * width + j] = same(left, right) ? at(i + 1, j + 1) + 1 : Math.max(at(i + 1, j), at(i, j + 1));
  }
  const pairs: [number, number][] = [];
  for (let i = 0, j = 0; at(i, j) > 0; ) {
    if (at(i, j) === at(i + 1, j)) i += 1;
    else if (at(i, j) === at(i, j + 1)) j += 1;
    else pairs.push([i++, j++]);
  }
  return pairs;
};

/** What stays, at both ends first: that is nearly all of it nearly always. */
const staying = (present: readonly IniEntry[], wanted: readonly IniValue[]): readonly (readonly [number, number])[] => {
  const same = (entry: IniEntry | undefined, value: IniValue | undefined): boolean =>
    entry !== undefined && value !== undefined && sameName(entry.key, value.key) && entry.value === value.value;
  const shorter = Math.min(present.length, wanted.length);
  let head = 0;
  while (head < shorter && same(present[head], wanted[head])) head += 1;
  let tail = 0;
  while (tail < shorter - head && same(present.at(-1 - tail), wanted.at(-1 - tail))) tail += 1;
  const middle = common(present.slice(head, present.length - tail), wanted.slice(head, wanted.length - tail), same);
  return [
    ...Array.from({ length: head }, (_, index) => [index, index] as const),
    ...middle.map(([i, j]) => [head + i, head + j] as const),
    ...Array.from({ length: tail }, (_, index) => [present.length - tail + index, wanted.length - tail + index] as const),
  ];
};

/**
 * Makes the entries that `mine` picks say `wanted`, in this order. Lines that say already what is wanted stay as they are; between them lines are
 * changed, taken out or added. The first of a kind comes to the end of `section`, which is made where it is missing.
 * @throws LicensingError 501
 */
export const editIni = (ini: Ini, section: string, mine: (entry: IniEntry) => boolean, wanted: readonly IniValue[]): Ini => {
  for (const each of wanted) check(each);
  const lines = [...ini.lines];
  const present = entriesOf(ini).filter(mine);
  const ends: readonly (readonly [number, number])[] = [...staying(present, wanted), [present.length, wanted.length]];

  // From the end, so that the numbers of the lines before stay.
  for (const [index, [oldEnd, newEnd]] of [...ends.entries()].reverse()) {
    const [before, newBefore] = ends[index - 1] ?? [-1, -1];
    const old = present.slice(before + 1, oldEnd);
    const fresh = wanted.slice(newBefore + 1, newEnd);
    for (const [nth, { line }] of old.entries()) {
      const value = fresh[nth];
      const at = lines[line - 1];
      if (value !== undefined && at !== undefined) lines[line - 1] = withValue(at, value);
    }
    const rest = fresh.slice(old.length).map(({ key, value }) => `${key} = ${value}`);
    const neighbour = old.at(-1) ?? present[before];
    const next = present[oldEnd];
    const at = neighbour?.line ?? (next === undefined ? endOf(lines, section) : next.line - 1);
    if (at !== undefined) insert(lines, at, rest);
    else if (rest.length > 0) {
      const last = lines.at(-1);
      const space = last === undefined || last.text.trim() === '' ? [] : [''];
      insert(lines, lines.length, [...space, `[${section}]`, ...rest]);
    }
    for (const { line } of old.slice(fresh.length).reverse()) lines.splice(line - 1, 1);
  }
  return { mark: ini.mark, lines };
};
