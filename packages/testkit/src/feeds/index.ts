// Readers of the feeds, each after the way in which one of the known clients takes them apart (interop section 2). Written from these descriptions
// alone: none uses the code that writes the feeds, and each gives rows of texts or fails.

type Row = Record<string, string>;

const textsOnly = (value: unknown): Row => {
  const row: Row = {};
  if (typeof value !== 'object' || value === null) throw new Error('no object');
  for (const [name, each] of Object.entries(value) as [string, unknown][]) {
    if (typeof each !== 'string') throw new Error(`${name} is no string`);
    row[name] = each;
  }
  return row;
};
const strict = (json: string): Row[] => {
  const value: unknown = JSON.parse(json);
  if (!Array.isArray(value)) throw new Error('no list');
  return value.map(textsOnly);
};
const isTrailer = (row: Row): boolean => row['cnt'] !== undefined && row['fid'] === undefined && row['haspid'] === undefined;

/** Deletes every comment, puts the rest between brackets and reads strictly; needs numbers and dates that it understands. */
const monitor2 = (text: string): Row[] => {
  const rows = strict(`[${text.replaceAll(/\/\*[\s\S]*?\*\//g, '')}]`).filter((row) => row['fid'] !== undefined);
  for (const { logc, logl, lic } of rows) {
    if (logc === undefined) continue;
    if (!/^\d+$/.test(logc) || !/^-?\d+$/.test(logl ?? '')) throw new Error('no numbers');
    if (lic === '' || lic === 'Perpetual') continue;
    const [, moment] = /^.*(\w{3} \w{3} \d+, \d+ \d+:\d+).*$/.exec(lic ?? '') ?? [];
    if (moment === undefined) throw new Error(`not understood: ${lic}`);
    const at = new Date(`${moment} UTC`);
    if (moment.slice(0, 3) !== ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'][at.getUTCDay()]) throw new Error(`the day of ${moment}`);
  }
  return rows;
};
/** Takes the first comment by its form, and what is behind the rows by the last one. */
const monitor3 = (text: string): Row[] => {
  const head = /^\/\*JSON:[^*]*\*\//.exec(text);
  if (head === null) throw new Error('no head');
  const rest = text.slice(head[0].length);
  const end = rest.indexOf('/*');
  return strict(`[${rest.slice(0, end)}]`).filter((row) => !isTrailer(row));
};
/** Looks at the beginning, at every code, and counts by the last object. */
const tool7 = (text: string): Row[] => {
  if (!text.trim().startsWith('/*JSON:')) throw new Error('no head');
  for (const [, code] of text.matchAll(/<code>(\d+)<\/code>/g)) if (code !== '0') throw new Error(`code ${code}`);
  if (/type=["']?password/i.test(text) || !text.trimEnd().endsWith('*/')) throw new Error('not that page');
  const inner = text.slice(text.indexOf('*/') + 2, text.lastIndexOf('/*'));
  const all = strict(`[${inner}]`);
  const last = all.pop();
  if (last?.['cnt'] !== String(all.length)) throw new Error('the count is wrong');
  return all;
};
/** Cuts at the first end and the last beginning of a comment, and the rows at the bytes between them. */
const tool10 = (text: string): Row[] => {
  const inner = text.slice(text.indexOf('*/') + 2, text.lastIndexOf('/*')).trim();
  return inner
    .split('},')
    .map((part) => textsOnly(JSON.parse(part.trim().endsWith('}') ? part : `${part}}`)))
    .filter((row) => !isTrailer(row));
};
/** Everything between braces that holds none. */
const tool11 = (text: string): Row[] =>
  [...text.matchAll(/\{[^{}]+\}/g)]
    .map(([object]) => textsOnly(JSON.parse(object)))
    .filter((row) => row['fhaspid'] === undefined && !isTrailer(row));
/** Rows are what a comma follows. */
const form = (text: string): Row[] => [...text.matchAll(/(\{[^}]+\},)/g)].map(([object]) => textsOnly(JSON.parse(object.slice(0, -1))));
/** A reader of tokens that skips comments and takes one object after the other, with commas between them. */
const tool9 = (text: string): Row[] => {
  const rows: Row[] = [];
  let rest = text;
  for (;;) {
    rest = rest.replace(/^(?:\s|,|\/\*[\s\S]*?\*\/)+/, '');
    if (rest === '') return rows.filter((row) => !isTrailer(row));
    const [object] = /^\{(?:"(?:[^"\\]|\\.)*"|[^"{}])*\}/.exec(rest) ?? [];
    if (object === undefined) throw new Error(`no object at ${rest.slice(0, 20)}`);
    rows.push(textsOnly(JSON.parse(object)));
    rest = rest.slice(object.length);
  }
};

export const readers: Readonly<Record<string, (text: string) => Row[]>> = { monitor3, tool7, tool9, tool10, tool11, form };
/** Of feeds whose rows are features or sessions. */
export const readersOfFeatures: typeof readers = { ...readers, monitor2 };
