import type { Decoder } from '../parse/index.ts';
import { type IniEntry, type IniFault, sameName } from './parse-ini.ts';

// What the keys of a file mean: a table of keys on the one side, the entries of a file on the other. All faults come at once, each with
// its line, for whoever mends a file wants to mend it in one go.

/** One key, its `section` and how it is written elsewhere. `kept`: read and checked, and nothing uses it yet. */
export type IniKey<R> = {
  readonly section: string;
  readonly names: readonly [string, ...string[]];
  readonly repeats: boolean;
  readonly kept: boolean;
  readonly read: Decoder<unknown>;
  /** What several readings of the key amount to. */
  readonly gather: (values: readonly unknown[]) => R;
};

type KeyOptions = { readonly also?: readonly string[]; readonly kept?: true };

export const one = <T>(section: string, name: string, read: Decoder<T>, options: KeyOptions = {}): IniKey<T | undefined> => ({
  section,
  names: [name, ...(options.also ?? [])],
  repeats: false,
  kept: options.kept ?? false,
  read,
  gather: (values) => values[0] as T | undefined,
});

export const many = <T>(section: string, name: string, read: Decoder<T>, options: KeyOptions = {}): IniKey<readonly T[]> => ({
  section,
  names: [name, ...(options.also ?? [])],
  repeats: true,
  kept: options.kept ?? false,
  read,
  gather: (values) => values as readonly T[],
});

type AnyKey = IniKey<unknown>;
type Readings<K extends Readonly<Record<string, AnyKey>>> = { readonly [N in keyof K]: K[N] extends IniKey<infer R> ? R : never };
export type Decoded<K extends Readonly<Record<string, AnyKey>>> = {
  /** Of keys that are absent, empty or faulty: undefined, or no values. */
  readonly values: Readings<K>;
  readonly faults: readonly IniFault[];
  /** Entries that are kept and not used yet. */
  readonly kept: readonly IniEntry[];
  /** The lines of each key. */
  readonly lines: ReadonlyMap<keyof K, readonly number[]>;
};

/** How a key is named to people. */
export const placeOf = ({ section, names }: Pick<AnyKey, 'section' | 'names'>): string => `[${section}] ${names[0]}`;

/** Whether this entry is of that key; one before the first section may be of any. */
export const isOf = ({ section, key }: IniEntry, of: Pick<AnyKey, 'section' | 'names'>): boolean =>
  (section === '' || sameName(section, of.section)) && of.names.some((name) => sameName(name, key));

const unknown = ({ section, key }: IniEntry, keys: readonly AnyKey[]): string => {
  const elsewhere = keys.find(({ names }) => names.some((name) => sameName(name, key)));
  if (elsewhere !== undefined) return `${key} belongs into [${elsewhere.section}]`;
  const near = `${section === '' ? '' : `[${section}] `}${key}`;
  return `${near.slice(0, 80)} is unknown`;
};

/** Never throws. */
export const decodeIni = <K extends Readonly<Record<string, AnyKey>>>(entries: readonly IniEntry[], keys: K): Decoded<K> => {
  const named = Object.entries(keys);
  const all = named.map(([, key]) => key);
  const found = new Map<string, { readonly values: unknown[]; readonly lines: number[] }>(); // BOUNDED by keys
  const faults: IniFault[] = [];
  const kept: IniEntry[] = [];
  for (const entry of entries) {
    const { line, value } = entry;
    const [name, key] = named.find(([, each]) => isOf(entry, each)) ?? [];
    if (name === undefined || key === undefined) {
      faults.push({ line, fault: unknown(entry, all) });
      continue;
    }
    const so = found.get(name) ?? { values: [], lines: [] };
    found.set(name, so);
    const [first] = so.lines;
    so.lines.push(line);
    if (!key.repeats && first !== undefined) {
      faults.push({ line, fault: `${placeOf(key)} is there twice, first in line ${first}` });
      continue;
    }
    if (key.kept) kept.push(entry);
    if (value === '') continue;
    const wrong: string[] = [];
    const read = key.read(value, placeOf(key), wrong);
    for (const fault of wrong) faults.push({ line, fault: `${fault}, not ${JSON.stringify(value.slice(0, 60))}` });
    if (wrong.length === 0) so.values.push(read);
  }
  const values = Object.fromEntries(named.map(([name, key]) => [name, key.gather(found.get(name)?.values ?? [])]));
  const lines = new Map<keyof K, readonly number[]>([...found].map(([name, so]) => [name, so.lines]));
  return { values: values as Readings<K>, faults, kept, lines };
};

/** BOUNDED: faults that are said one by one. */
const SAID = 100;

/** For people, in the order of lines. */
export const sayIniFaults = (file: string, faults: readonly IniFault[]): string => {
  const sorted = faults.toSorted((a, b) => a.line - b.line);
  const more = sorted.length > SAID ? [`and ${sorted.length - SAID} more`] : [];
  return `${file}: ${[...sorted.slice(0, SAID).map(({ line, fault }) => `line ${line}: ${fault}`), ...more].join('; ')}`;
};
