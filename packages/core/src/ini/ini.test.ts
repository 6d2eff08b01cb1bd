import { describe, expect, it } from 'vitest';
import { integer } from '../parse/index.ts';
import {
  decodeIni,
  editIni,
  entriesOf,
  type IniEntry,
  iniFlag,
  iniHost,
  iniNumber,
  iniText,
  MAX_INI,
  MAX_INI_LINES,
  many,
  one,
  parseIni,
  sameName,
  sayIniFaults,
  writeIni,
} from './index.ts';

const written = (text: string) => entriesOf(parseIni(text).ini).map(({ section, key, value, line }) => [section, key, value, line]);
const faultsOf = (text: string) => parseIni(text).faults.map(({ line, fault }) => `${line}: ${fault}`);
const key = (section: string, name: string) => (entry: IniEntry) => sameName(entry.section, section) && sameName(entry.key, name);

describe('an ini file is read', () => {
  it.each<[string, string, (string | number)[][]]>([
    [
      'sections and keys',
      '[A]\nb = c\nd=e\n',
      [
        ['A', 'b', 'c', 2],
        ['A', 'd', 'e', 3],
      ],
    ],
    [
      'keys that repeat',
      '[A]\nb = 1\nb = 2\n',
      [
        ['A', 'b', '1', 2],
        ['A', 'b', '2', 3],
      ],
    ],
    ['keys before the first section', 'accremote = 1\n[A]\n', [['', 'accremote', '1', 1]]],
    [
      'line ends of every kind, and none at the end',
      '[A]\r\nb = 1\nc = 2\n\nd = 3',
      [
        ['A', 'b', '1', 2],
        ['A', 'c', '2', 3],
        ['A', 'd', '3', 5],
      ],
    ],
    ['a mark at the beginning', '\ufeff[A]\nb = 1', [['A', 'b', '1', 2]]],
    ['comments of their own', '; a = 1\n# b = 2\n[A] ; c\n', []],
    [
      'comments behind a value',
      'a = 0 ;kB\nb = 0\t; 0=all adapters\nc = ;nothing\n',
      [
        ['', 'a', '0', 1],
        ['', 'b', '0', 2],
        ['', 'c', '', 3],
      ],
    ],
    [
      'values with ; # and = in them',
      'a = x;y\nb = #1\nc = d=e\n',
      [
        ['', 'a', 'x;y', 1],
        ['', 'b', '#1', 2],
        ['', 'c', 'd=e', 3],
      ],
    ],
    [
      'empty values',
      'proxyhost = \nb=\n',
      [
        ['', 'proxyhost', '', 1],
        ['', 'b', '', 2],
      ],
    ],
    ['names with spaces', 'group makers = ada, eve', [['', 'group makers', 'ada, eve', 1]]],
  ])('%s', (_, text, expected) => {
    expect(written(text)).toEqual(expected);
    expect(faultsOf(text)).toEqual([]);
  });

  it('with a fault and its line for what it cannot be, and the rest all the same', () => {
    const text = '[A\nb = 1\nnonsense\n = 2\n[B] more\nc = \u0007\nd = 3\n';
    expect(faultsOf(text).map((each) => each.replace(/^(\d+): (\S+ \S+ \S+).*/, '$1 $2'))).toEqual([
      '1 the ] of',
      '3 this is neither',
      '4 the name in',
      '5 something stands behind',
      '6 a control character',
    ]);
    expect(written(text)).toEqual([
      ['', 'b', '1', 2],
      ['', 'd', '3', 7],
    ]);
  });

  it('within bounds', () => {
    expect(faultsOf(`a=${'x'.repeat(MAX_INI)}`)).toEqual([`1: the file has more than ${MAX_INI} characters`]);
    expect(faultsOf('\n'.repeat(MAX_INI_LINES + 1))).toEqual([`${MAX_INI_LINES + 1}: the file has more than ${MAX_INI_LINES} lines`]);
    expect(faultsOf('\n'.repeat(MAX_INI_LINES))).toEqual([]);
  });

  it('in a time that grows with its size only', () => {
    const before = performance.now();
    parseIni(`a = ${' '.repeat(MAX_INI - 10)};`);
    parseIni('[a]\n'.repeat(MAX_INI_LINES));
    expect(performance.now() - before).toBeLessThan(3_000);
  });
});

describe('an ini file is changed', () => {
  const file =
    '; mine\n[REMOTE]\r\nbroadcastsearch = 1 ; always\r\n\r\nserveraddr=10.0.0.1\r\n; the second\r\nserveraddr=10.0.0.2\r\n\r\n[ACCESS]\r\n';
  const edit = (name: string, ...values: string[]) =>
    writeIni(
      editIni(
        parseIni(file).ini,
        'REMOTE',
        key('REMOTE', name),
        values.map((value) => ({ key: name, value })),
      ),
    );

  it.each<[string, string, string[], [string, string]]>([
    ['a value, and not the comment behind it', 'broadcastsearch', ['0'], ['broadcastsearch = 1 ;', 'broadcastsearch = 0 ;']],
    ['one of several', 'serveraddr', ['10.0.0.1', '10.0.0.9'], ['serveraddr=10.0.0.2', 'serveraddr=10.0.0.9']],
    ['one more', 'serveraddr', ['10.0.0.1', '10.0.0.2', 'x'], ['serveraddr=10.0.0.2\r\n', 'serveraddr=10.0.0.2\r\nserveraddr = x\r\n']],
    ['one more in front', 'serveraddr', ['x', '10.0.0.1', '10.0.0.2'], ['serveraddr=10.0.0.1', 'serveraddr = x\r\nserveraddr=10.0.0.1']],
    ['one less', 'serveraddr', ['10.0.0.2'], ['serveraddr=10.0.0.1\r\n', '']],
    ['a new key at the end of its section', 'aggressive', ['1'], ['serveraddr=10.0.0.2\r\n', 'serveraddr=10.0.0.2\r\naggressive = 1\r\n']],
    [
      'one between others, which stay',
      'serveraddr',
      ['10.0.0.1', 'x', '10.0.0.2'],
      ['serveraddr=10.0.0.1\r\n', 'serveraddr=10.0.0.1\r\nserveraddr = x\r\n'],
    ],
    [
      'all of them, and one stays',
      'serveraddr',
      ['a', 'b', '10.0.0.2', 'c'],
      [
        'serveraddr=10.0.0.1\r\n; the second\r\nserveraddr=10.0.0.2\r\n',
        'serveraddr=a\r\nserveraddr = b\r\n; the second\r\nserveraddr=10.0.0.2\r\nserveraddr = c\r\n',
      ],
    ],
    ['nothing', 'serveraddr', ['10.0.0.1', '10.0.0.2'], ['', '']],
  ])('%s', (_, name, values, [from, to]) => {
    expect(edit(name, ...values)).toBe(file.replace(from, to));
  });

  const into = (text: string, section: string) =>
    writeIni(editIni(parseIni(text).ini, section, key(section, 'a'), [{ key: 'a', value: '1' }]));
  it('a section that is not there yet is made', () => {
    expect(into('[B]\r\nc = 1\r\n', 'A')).toBe('[B]\r\nc = 1\r\n\r\n[A]\r\na = 1\r\n');
    expect(into('[B]\nc = 1', 'A')).toBe('[B]\nc = 1\n\n[A]\na = 1');
    expect(into('', 'A')).toBe('[A]\na = 1\n');
  });
  it('a value where only a comment was', () => {
    expect(into('[A]\na =  ;none\n', 'A')).toBe('[A]\na =  1 ;none\n');
  });

  it('in a time that is bounded, however many lines there are', () => {
    const lines = (from: number) =>
      Array.from({ length: 4_096 }, (_, index) => ({ key: 'allow', value: `user-${(index * 7 + from) % 4_096}` }));
    const before = performance.now();
    const { ini } = parseIni(
      `[A]\n${lines(0)
        .map(({ key: name, value }) => `${name} = ${value}\n`)
        .join('')}`,
    );
    const edited = editIni(ini, 'A', key('A', 'allow'), lines(1));
    expect(entriesOf(edited).map(({ value }) => value)).toEqual(lines(1).map(({ value }) => value));
    expect(performance.now() - before).toBeLessThan(3_000);
  });

  it.each(['a\nb', ' a', 'a ', 'a ;b', ';a', '\u0000'])('the value %j is refused with 501, for it would not be read again', (value) => {
    expect(() => edit('serveraddr', value)).toThrow(expect.objectContaining({ status: 501 }));
  });
});

describe('the meaning of an ini file', () => {
  const keys = {
    name: one('SERVER', 'name', iniText(8)),
    remote: one('SERVER', 'accesstoremote', iniFlag),
    local: one('SERVER', 'bind_local_only', iniFlag, { also: ['bindlocalonly'] }),
    rows: one('SERVER', 'linesperpage', iniNumber(5, 100), { kept: true }),
    servers: many('REMOTE', 'serveraddr', iniHost),
  };
  const decode = (text: string) => decodeIni(entriesOf(parseIni(text).ini), keys);

  it('is typed, without the case of names', () => {
    const text =
      '[server]\nNAME = a b\nAccessToRemote = 0\nbindlocalonly = 1\nlinesperpage = 20\n[Remote]\nserveraddr = a.b\nserveraddr = fe80::1%eth0\n';
    const { values, faults, kept, lines } = decode(text);
    expect(values).toEqual({ name: 'a b', remote: false, local: true, rows: 20, servers: ['a.b', 'fe80::1%eth0'] });
    expect(faults).toEqual([]);
    expect(kept.map((entry) => entry.key)).toEqual(['linesperpage']);
    expect(lines.get('servers')).toEqual([7, 8]);
  });
  it('is nothing where the file says nothing, and where a value is empty', () => {
    expect(decode('[SERVER]\nname =\n').values).toEqual({ servers: [] });
  });
  it('may stand before the first section', () => {
    expect(decode('accesstoremote = 0\nserveraddr = x').values).toMatchObject({ remote: false, servers: ['x'] });
  });
  it('has all faults at once, each with its line', () => {
    const { faults } = decode(
      '[SERVER]\nname = much too long\naccesstoremote = yes\nlinesperpage = 4\nlinesperpage = 30\nserveraddr = x\nacesstoremote = 1\n[REMOTE]\nserveraddr = a b\n[OTHER]\nthing = 1',
    );
    expect(sayIniFaults('a.ini', faults).split('; ')).toEqual([
      'a.ini: line 2: [SERVER] name: must be a text of at most 8 characters, not "much too long"',
      'line 3: [SERVER] accesstoremote: must be 0 or 1, not "yes"',
      'line 4: [SERVER] linesperpage: must be a whole number from 5 to 100, not "4"',
      'line 5: [SERVER] linesperpage is there twice, first in line 4',
      'line 6: serveraddr belongs into [REMOTE]',
      'line 7: [SERVER] acesstoremote is unknown',
      'line 9: [REMOTE] serveraddr: must be an address or a host name, not "a b"',
      'line 11: [OTHER] thing is unknown',
    ]);
  });
  it('says a hundred faults, and how many more there are', () => {
    const faults = Array.from({ length: 130 }, (_, index) => ({ line: 130 - index, fault: 'bad' }));
    expect(sayIniFaults('a.ini', faults)).toMatch(/^a\.ini: line 1: bad; line 2: bad; .*line 100: bad; and 30 more$/);
  });
  it('may be read by any decoder', () => {
    expect(decodeIni(entriesOf(parseIni('a = 1').ini), { a: one('A', 'a', integer(0, 1)) }).faults).toHaveLength(1);
  });
});
