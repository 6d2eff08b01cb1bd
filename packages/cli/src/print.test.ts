import { stripVTControlCharacters } from 'node:util';
import { describe, expect, it } from 'vitest';
import { lookOf, mayColor } from './color.ts';
import { layout, table } from './print.ts';
import { cutTo, plain, widthOf, wrapTo } from './width.ts';

const paper = { color: false, live: false } as const;
const heads = ['FEATURE', 'NAME', 'KEY', 'USED', 'SEATS', 'STATE'];
const rows = [
  [42, 'Echo sounder', '700000000000000001', 3, 5, 'ok'],
  [7, '測深機', '2', 12, 'unlimited', 'it is a copy of another one: write to the vendor'],
  [1007, 'Zoe\u0308', '3', null, 100, 'ok'],
] as const;

describe('how wide a text is', () => {
  it.each([
    ['', 0],
    ['Echo', 4],
    ['測深機', 6],
    ['ソナー', 6],
    ['음향', 4],
    ['Zoe\u0308', 3],
    ['e\u0301\u0323', 1],
    ['👩‍🔧', 2],
    ['🇩🇪', 2],
    ['☎\uFE0F', 2],
    ['ｆｕｌｌ', 8],
    ['naïve – “yes”', 13],
  ])('%j takes %i columns', (text, width) => expect(widthOf(text)).toBe(width));

  it('is never more than asked for when it is cut or wrapped, and nothing but blanks is lost by wrapping', () => {
    const text = '測深機 Echo sounder👩‍🔧 Zoe\u0308 averylongwordwithoutanyblank 음향';
    for (let width = 2; width < 60; width += 1) {
      expect(widthOf(cutTo(text, width))).toBeLessThanOrEqual(width);
      const lines = wrapTo(text, width);
      for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(width);
      expect(lines.join('').replaceAll(' ', '')).toBe(text.replaceAll(' ', ''));
    }
    expect(cutTo('測深機', 5)).toBe('測深…');
  });

  it('leaves nothing of foreign text that does something in a terminal (S8)', () => {
    expect(plain('a\u001B[31mb\u0007\r\nc\u202Ed\u2066e\u200Ff\u2028g\u009B1m')).toBe('a [31mb cdef g 1m');
    expect(plain('👩‍🔧 Zoe\u0308')).toBe('👩‍🔧 Zoe\u0308');
  });
});

describe('a table', () => {
  it('is aligned by what is seen, with numbers to the right and nothing behind the last letter', () => {
    expect(table(heads, rows, 'none', paper)).toBe(
      [
        'FEATURE  NAME          KEY                 USED      SEATS  STATE',
        '     42  Echo sounder  700000000000000001     3          5  ok',
        '      7  測深機        2                     12  unlimited  it is a copy of another one: write to the vendor',
        '   1007  Zoe\u0308           3                      -        100  ok',
        '',
      ].join('\n'),
    );
    expect(table(heads, [], 'Nothing is here.', paper)).toBe('Nothing is here.\n');
  });

  it('is cut to the terminal, sentences are wrapped, and elsewhere all of it is written', () => {
    for (const columns of [40, 60, 80, 100]) {
      const lines = layout(heads, rows, { ...paper, columns });
      for (const line of lines) expect(widthOf(line)).toBeLessThanOrEqual(columns);
      if (columns >= 80) expect(lines.join(' ').replaceAll(/\s+/g, ' ')).toContain('700000000000000001');
    }
    const text = layout(heads, rows, { ...paper, columns: 80 }).join('\n');
    for (const word of 'it is a copy of another one: write to the vendor'.split(' ')) expect(text).toContain(word);
    expect(layout(heads, rows, { ...paper, columns: 80 }, true)).toHaveLength(4);
    // What is wide gives room to what comes behind it.
    const wide = [['x'.repeat(70), 'y'.repeat(50), '700000000000000001', 1234]];
    expect(layout(['NAME', 'HOST', 'KEY', 'N'], wide, { ...paper, columns: 60 })[1]).toMatch(/^x+… {2}y+… {2}700000000000000001 {2}1234$/);
    // A number is whole or not there: half of one is another one.
    for (const columns of [8, 30, 33, 34, 36]) {
      const numbers = layout(['A', 'B'], [[123_456_789, 987_654_321_012]], { ...paper, columns })
        .join(' ')
        .match(/\d+/g);
      for (const number of numbers ?? []) expect(['123456789', '987654321012']).toContain(number);
    }
    expect(layout(heads, rows, { ...paper, columns: 20 }).every((line) => widthOf(line) <= 20)).toBe(true);
  });

  it('is colored only where it may be, and then the letters are where they were', () => {
    const colored = layout(heads, [[1, { text: 'x', tone: 'bad' }, 'k', 1, 2, 'ok']], { color: true, live: true }).join('\n');
    expect(colored).toContain('\u001B[31mx\u001B[0m');
    expect(colored).toContain('\u001B[1mFEATURE\u001B[0m');
    expect(stripVTControlCharacters(colored)).toBe(layout(heads, [[1, { text: 'x', tone: 'bad' }, 'k', 1, 2, 'ok']], paper).join('\n'));
  });

  it('holds 100,000 rows', () => {
    const many = Array.from({ length: 100_000 }, (_, index) => [index, 'anna', '700000000000000001', 1, 1, 'ok']);
    expect(table(heads, many, '', paper).split('\n')).toHaveLength(100_002);
  });
});

describe('color', () => {
  const terminal = { isTTY: true, columns: 80, rows: 24 };
  it.each([
    ['a terminal', terminal, { TERM: 'xterm' }, true],
    ['a pipe', {}, { TERM: 'xterm' }, false],
    ['a dumb terminal', terminal, { TERM: 'dumb' }, false],
    ['NO_COLOR', terminal, { NO_COLOR: '1' }, false],
    ['an empty NO_COLOR', terminal, { NO_COLOR: '' }, true],
    ['FORCE_COLOR and a pipe', {}, { FORCE_COLOR: '1' }, true],
    ['FORCE_COLOR and a dumb terminal', terminal, { FORCE_COLOR: 'true', TERM: 'dumb' }, true],
    ['an empty FORCE_COLOR and a pipe', {}, { FORCE_COLOR: '' }, false],
    ['FORCE_COLOR=0', terminal, { FORCE_COLOR: '0' }, false],
    ['NO_COLOR and FORCE_COLOR', terminal, { NO_COLOR: '1', FORCE_COLOR: '1' }, false],
  ] as const)('of %s', (_name, output, env, expected) => expect(mayColor(output, env)).toBe(expected));

  it('and the width are those of a terminal only; a dumb one is not drawn over', () => {
    expect(lookOf(terminal, { TERM: 'dumb' })).toEqual({ color: false, live: false, columns: 80, rows: 24 });
    expect(lookOf({ columns: 80 }, {})).toEqual({ color: false, live: false });
  });
});
