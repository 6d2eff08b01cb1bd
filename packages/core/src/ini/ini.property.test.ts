import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { editIni } from './edit-ini.ts';
import { iniBytesOf, iniTextOf } from './ini-bytes.ts';
import { entriesOf, type IniEntry, parseIni, sameName, writeIni } from './parse-ini.ts';

const name = fc.constantFrom('allow', 'deny', 'Name', 'name', 'serveraddr', 'x y');
const value = fc.oneof(fc.constantFrom('', '1', '10.1.*', 'a;b', 'x # y', '=', 'ä€'), fc.stringMatching(/^[!-~]{1,12}$/));
const space = fc.constantFrom('', ' ', '\t', '  ');
const line = fc.oneof(
  fc
    .tuple(space, name, space, space, value, fc.constantFrom('', ' ', ' ;note', '\t; 0=all'))
    .map(([a, key, b, c, text, d]) => `${a}${key}${b}=${c}${text}${d}`),
  fc.constantFrom('[USERS]', ' [users] ; note', '[ACCESS]', '[]', '', '  ', '; note', '#', 'nonsense', '[open', 'a\0 = 1'),
  fc.string({ maxLength: 12 }).map((text) => text.replaceAll('\n', '')),
);
const file = fc
  .tuple(fc.constantFrom('', '\ufeff'), fc.array(fc.tuple(line, fc.constantFrom('\n', '\r\n', '\r\r\n')), { maxLength: 30 }), fc.boolean())
  .map(([mark, lines, open]) => mark + lines.map(([text, end], index) => text + (open && index === lines.length - 1 ? '' : end)).join(''));
const runs = { numRuns: process.env['SLOW'] === undefined ? 400 : 20_000 };

describe('an ini file', () => {
  it('is written as it was read', () => {
    fc.assert(
      fc.property(fc.oneof(file, fc.string()), (text) => {
        const { ini } = parseIni(text);
        expect(writeIni(ini)).toBe(text);
        expect(parseIni(writeIni(ini)).ini).toEqual(ini);
      }),
      runs,
    );
  });

  it('has the same bytes again, whatever they are', () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 60 }), (bytes) => {
        const { text, encoding } = iniTextOf(bytes);
        expect([...iniBytesOf(writeIni(parseIni(text).ini), encoding)]).toEqual([...bytes]);
      }),
      runs,
    );
  });

  it('says after a change what was wanted, and keeps all else', () => {
    const section = fc.constantFrom('USERS', 'access', 'NEW');
    const keys = fc.uniqueArray(name, { minLength: 1, maxLength: 2 });
    const wanted = fc.array(
      value.filter((text) => text === text.trim() && !text.startsWith(';')),
      { maxLength: 5 },
    );
    fc.assert(
      fc.property(file, section, keys, wanted, fc.nat(), (text, where, of, values, seed) => {
        const mine = (entry: IniEntry): boolean => sameName(entry.section, where) && of.some((key) => sameName(key, entry.key));
        const { ini } = parseIni(text);
        const target = values.map((each, index) => ({ key: of[(seed + index) % of.length] ?? 'x', value: each }));
        const edited = editIni(ini, where, mine, target);
        const again = parseIni(writeIni(edited)).ini;
        expect(again).toEqual(edited);
        const said = entriesOf(again)
          .filter(mine)
          .map(({ key, value: now }) => ({ key: key.toLowerCase(), value: now }));
        expect(said).toEqual(target.map(({ key, value: now }) => ({ key: key.toLowerCase(), value: now })));
        // Lines that are not mine are there as before, character for character, and in their order.
        const numbers = new Set(
          entriesOf(ini)
            .filter(mine)
            .map(({ line: number }) => number),
        );
        const others = ini.lines.filter((_, index) => !numbers.has(index + 1)).map((each) => each.text);
        const left = again.lines.map((each) => each.text);
        let at = 0;
        for (const other of others) {
          const found = left.indexOf(other, at);
          expect(found, JSON.stringify(other)).toBeGreaterThanOrEqual(at);
          at = found + 1;
        }
        // No more lines than were added: one each, and a new section with a line of space before it.
        expect(left.length).toBeLessThanOrEqual(others.length + target.length + 2);
        expect(writeIni(editIni(edited, where, mine, target)), 'once more changes nothing').toBe(writeIni(edited));
      }),
      runs,
    );
  });
});
