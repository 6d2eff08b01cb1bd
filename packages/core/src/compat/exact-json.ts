// JSON with whole numbers of 64 bits, exact: key ids have up to twenty digits and are bare numbers in the REST licensing API (C6), which a double
// cannot hold. Such numbers are bigint here.

export type Exact = string | number | bigint | boolean | null | undefined | readonly Exact[] | { readonly [name: string]: Exact };

/** Fields that are undefined are left out: an empty text in the place of a date breaks clients. */
export const exactJson = (value: Exact): string => {
  if (typeof value === 'bigint') return value.toString();
  if (value === null || typeof value !== 'object') return JSON.stringify(value ?? null);
  if (Array.isArray(value)) return `[${value.map((each: Exact) => exactJson(each)).join(',')}]`;
  const fields = Object.entries(value).filter(([, each]) => each !== undefined);
  return `{${fields.map(([name, each]) => `${JSON.stringify(name)}:${exactJson(each)}`).join(',')}}`;
};

/** Strings and numbers, each whole. */
const TOKENS = /"(?:[^"\\]|\\.)*"|-?\d+(?:\.\d+)?(?:[eE][+-]?\d+)?/g;
/** Of numbers only those that a double may not hold become strings of digits. */
const LONG = /^-?\d{16,}$/;

/** As JSON.parse, with whole numbers of sixteen digits and more as strings. @throws SyntaxError */
export const parseExactJson = (text: string): unknown => {
  const value: unknown = JSON.parse(text.replaceAll(TOKENS, (token) => (LONG.test(token) ? `"${token}"` : token)));
  return value;
};
