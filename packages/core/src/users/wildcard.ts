// Names in rules: `*` stands for any characters, case does not count. Compared in a time that grows with the text and not faster, since the
// text comes from whoever asks.

/** What stands between the stars; one part = no star. */
export type Wildcard = { readonly parts: readonly string[] };

const folded = (text: string): string => text.normalize('NFC').toLowerCase();

export const parseWildcard = (text: string): Wildcard => ({ parts: folded(text).split(/\*+/) });

export const matchesWildcard = ({ parts }: Wildcard, text: string): boolean => {
  const name = folded(text);
  const [first = '', ...others] = parts;
  const last = others.pop();
  if (last === undefined) return name === first;
  const end = name.length - last.length;
  if (end < first.length || !name.startsWith(first) || !name.endsWith(last)) return false;
  let at = first.length;
  for (const part of others) {
    const found = name.indexOf(part, at);
    if (found < 0 || found + part.length > end) return false;
    at = found + part.length;
  }
  return true;
};
