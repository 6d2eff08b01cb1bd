import { DAY, type Wall, wall } from '../time/index.ts';

// What is to be done with the files of one log, from the list of them and the time (C5). `access.log` is written; what was rotated is
// `access-2026-11-24.log`, and `access-2026-11-24.2.log` where there is that already, with the day (UTC) on which the file was begun;
// compressed it ends on `.gz`. Files of other names are never touched.

export type LogFile = { readonly name: string; readonly bytes: number; readonly modified: Wall };

/** 0 = never. */
export type LogRules = {
  readonly daily: boolean;
  readonly maxBytes: number;
  readonly compressDays: number;
  readonly deleteDays: number;
};

export type LogAct =
  | { readonly kind: 'rotate'; readonly name: string; readonly to: string }
  | { readonly kind: 'compress'; readonly name: string; readonly to: string }
  | { readonly kind: 'delete'; readonly name: string };

/** What a compressed file is called until it is whole. */
export const PART = '.part';

type Rotated = { readonly name: string; readonly day: number; readonly number: number; readonly form: 'log' | 'log.gz' | 'log.gz.part' };

const rotatedOf = (log: string, { name }: LogFile): Rotated | undefined => {
  if (!name.startsWith(`${log}-`)) return undefined;
  const found = /^(\d{4}-\d{2}-\d{2})(?:\.(\d{1,6}))?\.(log|log\.gz|log\.gz\.part)$/.exec(name.slice(log.length + 1));
  if (found === null) return undefined;
  const [, date = '', number = '1', form] = found;
  const at = Date.parse(`${date}T00:00:00Z`);
  if (Number.isNaN(at)) return undefined;
  return { name, day: Math.floor(at / DAY), number: Number(number), form: form as Rotated['form'] };
};

const dayOf = (at: Wall): number => Math.floor(at / DAY);
const dateOf = (at: Wall): string => new Date(at).toISOString().slice(0, 10);

/** `begun`: when the file that is written was begun, where that is known; else it is as old as its last line. */
const rotation = (
  log: string,
  files: readonly LogFile[],
  rotated: readonly Rotated[],
  now: Wall,
  rules: LogRules,
  begun: Wall | undefined,
): LogAct[] => {
  const current = files.find(({ name }) => name === `${log}.log`);
  if (current === undefined || current.bytes === 0) return [];
  const since = wall(Math.min(begun ?? current.modified, current.modified));
  const isOld = rules.daily && dayOf(since) < dayOf(now);
  const isBig = rules.maxBytes > 0 && current.bytes >= rules.maxBytes;
  if (!isOld && !isBig) return [];
  const numbers = rotated.filter(({ day }) => day === dayOf(since)).map(({ number }) => number);
  const number = Math.max(0, ...numbers) + 1;
  return [{ kind: 'rotate', name: current.name, to: `${log}-${dateOf(since)}${number === 1 ? '' : `.${number}`}.log` }];
};

const compressed = (name: string): string => `${name}.gz`;

const upkeep = (file: Rotated, all: ReadonlySet<string>, now: Wall, { compressDays, deleteDays }: LogRules): LogAct[] => {
  const { name, form } = file;
  const age = dayOf(now) - file.day;
  // What an end in the middle left: a part, or the plain file beside the whole compressed one.
  if (form === 'log.gz.part' || (form === 'log' && all.has(compressed(name)))) return [{ kind: 'delete', name }];
  if (deleteDays > 0 && age >= deleteDays) return [{ kind: 'delete', name }];
  return form === 'log' && compressDays > 0 && age >= compressDays ? [{ kind: 'compress', name, to: compressed(name) }] : [];
};

export const logActs = (log: string, files: readonly LogFile[], now: Wall, rules: LogRules, begun?: Wall): readonly LogAct[] => {
  const rotated = files.flatMap((file) => rotatedOf(log, file) ?? []);
  const names = new Set(files.map(({ name }) => name));
  const kept = rotated.toSorted((a, b) => a.day - b.day || a.number - b.number).flatMap((file) => upkeep(file, names, now, rules));
  return [...rotation(log, files, rotated, now, rules, begun), ...kept];
};
