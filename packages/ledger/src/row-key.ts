/** The scope of a row key `scope/kind/id`. */
export function scopeOf(key: string): string {
  const end = key.indexOf('/');
  if (end < 1) throw new TypeError(`the row key ${JSON.stringify(key)} names no scope`);
  return key.slice(0, end);
}
