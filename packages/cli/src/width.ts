// How many columns of a terminal a text takes: two for wide characters and emoji, none for what combines with the character before it.

/** Of East Asian width "wide" or "fullwidth" (Unicode Standard Annex 11), in whole blocks. */
const WIDE: readonly (readonly [from: number, to: number])[] = [
  [0x1100, 0x115f],
  [0x2329, 0x232a],
  [0x2e80, 0x303e],
  [0x3041, 0x33ff],
  [0x3400, 0x4dbf],
  [0x4e00, 0xa4cf],
  [0xa960, 0xa97f],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe10, 0xfe19],
  [0xfe30, 0xfe6f],
  [0xff00, 0xff60],
  [0xffe0, 0xffe6],
  [0x1_6fe0, 0x1_8d8f],
  [0x1_aff0, 0x1_b2ff],
  [0x2_0000, 0x3_fffd],
];
const PLAIN = /^[\u0020-\u007E]*$/;
const clusters = new Intl.Segmenter('en', { granularity: 'grapheme' });

const widthOfCluster = (cluster: string): number => {
  const code = cluster.codePointAt(0) ?? 0;
  if (/^[\p{Mn}\p{Me}\p{Cf}]+$/u.test(cluster)) return 0;
  if (/^\p{Emoji_Presentation}/u.test(cluster) || cluster.includes('\uFE0F')) return 2;
  return WIDE.some(([from, to]) => code >= from && code <= to) ? 2 : 1;
};

export const widthOf = (text: string): number => {
  if (PLAIN.test(text)) return text.length;
  let width = 0;
  for (const { segment } of clusters.segment(text)) width += widthOfCluster(segment);
  return width;
};

/** What of its beginning fits into `width` columns. */
const beginningOf = (text: string, width: number): string => {
  let [kept, taken] = ['', 0];
  for (const { segment } of clusters.segment(text)) {
    taken += widthOfCluster(segment);
    if (taken > width) break;
    kept += segment;
  }
  return kept;
};

/** At most `width` columns of it; what was cut ends in an ellipsis. */
export const cutTo = (text: string, width: number): string => {
  if (widthOf(text) <= width) return text;
  return width < 1 ? '' : `${beginningOf(text, width - 1)}…`;
};

/** In lines of at most `width` columns, broken at blanks where there are any. */
export const wrapTo = (text: string, width: number): string[] => {
  if (widthOf(text) <= width || width < 1) return [cutTo(text, width)];
  const lines: string[] = [];
  let line = '';
  for (const word of text.split(' ')) {
    const longer = line === '' ? word : `${line} ${word}`;
    if (widthOf(longer) <= width) {
      line = longer;
      continue;
    }
    if (line !== '') lines.push(line);
    line = word;
    while (widthOf(line) > width) {
      const part = beginningOf(line, width);
      if (part === '') return [...lines, cutTo(line, width)];
      lines.push(part);
      line = line.slice(part.length);
    }
  }
  return [...lines, line];
};

/** Foreign text for a terminal: without characters that control it, break the line or turn the direction of writing (S8). */
export const plain = (text: string): string =>
  text.replaceAll(/[\p{Cc}\p{Zl}\p{Zp}\p{Cs}]+/gu, ' ').replaceAll(/[\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]/g, '');
