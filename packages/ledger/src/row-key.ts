import type { Row, RowKey } from './port.ts';

/** The scope of a row key `scope/kind/id`. */
export function scopeOf(key: string): string {
  const end = key.indexOf('/');
  if (end < 1) throw new TypeError(`the row key ${JSON.stringify(key)} names no scope`);
  return key.slice(0, end);
}

/** For keys that were read from a file. */
export const isRowKey = (key: string): key is RowKey => key.split('/', 3).length === 3;

/** The row that a stored text says; undefined for a text that is not one of ours. */
export function parseRow(text: string): Row | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === 'object' && value !== null ? value : undefined;
  } catch {
    return undefined;
  }
}
