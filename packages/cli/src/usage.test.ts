import { stripVTControlCharacters } from 'node:util';
import { type Command, CommanderError } from 'commander';
import { describe, expect, it } from 'vitest';
import { completionTree } from './completion-tree.ts';
import { harmless } from './completion-values.ts';
import { EXAMPLES } from './examples.ts';
import { program } from './main.ts';
import { examplesOf, pathOf } from './usage.ts';

const all = (command: Command): Command[] => [command, ...command.commands.flatMap(all)];
const leaves = all(program()).filter((each) => each.commands.length === 0);
const helpOf = (command: Command): string => {
  let text = '';
  command.configureOutput({ writeOut: (part) => (text += part) });
  command.outputHelp();
  return text;
};

/** As the shells of people cut it; only quotes of the kind that examples have. */
const wordsOf = (line: string): string[] => [...line.matchAll(/"([^"]*)"|(\S+)/g)].map(([, inner, word]) => inner ?? word ?? '');

describe('help', () => {
  it.each(leaves.map((each) => [pathOf(each), each] as const))('of "%s" has an example', (_path, command) => {
    expect(helpOf(command)).toMatch(/^Examples?:\n {2}(?:source <\()?keyhaven /m);
    expect(helpOf(command).match(/^Examples?:/gm)).toHaveLength(1);
  });

  it('has no examples of commands that do not exist', () => {
    const paths = new Set(all(program()).map(pathOf));
    expect(Object.keys(EXAMPLES).filter((path) => !paths.has(path))).toEqual([]);
  });

  const used = all(program()).filter((each) => each.commands.length === 0 || EXAMPLES[pathOf(each)] !== undefined);
  it.each(used.flatMap((each) => examplesOf(each).map((line) => [line] as const)))('shows what works: %s', (line) => {
    const [, ...argv] = wordsOf(line.replace(/^source <\((.*)\)$/, '$1').replace(/ > .*$/, ''));
    const root = program();
    let done: string | undefined;
    for (const each of all(root)) {
      each.configureOutput({ writeErr: () => undefined });
      if (each.commands.length === 0 || each.registeredArguments.length > 0 || EXAMPLES[pathOf(each)] !== undefined)
        each.action(() => {
          done = pathOf(each);
        });
    }
    root.parse(argv, { from: 'user' });
    expect(argv.join(' ').startsWith(done ?? '?')).toBe(true);
  });
});

describe('every command that prints', () => {
  // What prints no list and no result, but a program that runs or a text of its own form.
  const others = new Set(['lm', 'completion', 'config set']);
  it.each(leaves.map((each) => [pathOf(each), each] as const).filter(([path]) => !others.has(path)))(
    '"%s" has --json',
    (_path, command) => {
      expect(command.options.map(({ long }) => long)).toContain('--json');
    },
  );
});

describe('wrong usage', () => {
  const told = (...argv: readonly string[]): string => {
    let text = '';
    const root = program();
    for (const each of all(root)) each.configureOutput({ writeErr: (part) => (text += part) });
    expect(() => root.parse([...argv], { from: 'user' })).toThrow(CommanderError);
    return stripVTControlCharacters(text);
  };
  it.each([
    [['featrues'], "unknown command 'featrues'", 'features'],
    [['sessions', 'kil', '7'], "unknown command 'kil'", 'kill'],
    [['net', 'wacth'], "unknown command 'wacth'", 'watch'],
    [['keys', '--jsno'], "unknown option '--jsno'", '--json'],
  ] as const)('%j: says what was meant', (argv, wrong, meant) => {
    expect(told(...argv)).toContain(wrong);
    expect(told(...argv)).toContain(`(Did you mean ${meant}?)`);
  });
  it.each([
    [['apply'], 'Example: keyhaven apply office.v2c'],
    [['recipient'], 'Example: keyhaven recipient --out laptop.id'],
    [['completion'], 'Example: source <(keyhaven completion bash)'],
    [['completion', 'csh'], 'Allowed choices are bash, zsh, fish.'],
    [['lm', '--log', 'loud'], 'Allowed choices are fatal, error, warn, info, debug.'],
    [['lm', '--port', 'ten'], 'It must be a whole number from 1 to 65535.'],
    [['search', '--state', 'away'], 'Allowed choices are linked, lost.'],
    [['search', '--type', 'sl'], 'Allowed choices are sl-adminmode, sl-usermode, sl-legacy, hl-driverless, hl-hasp.'],
    [['login', '--vendor-code', 'x', '--feature', '1', '--via', 'cloud'], 'Allowed choices are '],
    [['detach', '--key', '1', '--product', 'a'], 'It must be a whole number from 0'],
    [['audit', '--limit', '0'], 'It must be a whole number from 1 to 10000.'],
    [['denials', '--limit', 'all'], 'It must be a whole number from 1 to 10000.'],
    [['report', 'usage', '--by', 'moon'], 'Allowed choices are '],
    [['features', '--watch', '0'], 'a number of seconds from 0.5'],
    [['vendor', 'init', 'acme', '--name', 'Acme'], 'Example: keyhaven vendor init acme --id 4711'],
    [['vendor', 'trial', 'acme', '--product', '1'], 'Example: keyhaven vendor trial acme --product 1 --days 30 --out trial.v2c'],
    [
      ['vendor', 'trial', 'acme', '--product', '1', '--days', '91', '--out', 'a'],
      'Example: keyhaven vendor trial acme --product 1 --days 30 --out trial.v2c',
    ],
    [['vendor', 'legacy', 'acme'], 'Example: keyhaven vendor legacy acme --fingerprint office.fingerprint --product 1 --out office.v2c'],
  ] as const)('%j: names an example', (argv, example) => {
    expect(told(...argv)).toContain(example);
    expect(told(...argv)).toContain('--help');
  });
});

describe('what cannot be undone', () => {
  const asking = ['rehost', 'sessions kill', 'lm new-id', 'password clear', 'password reset', 'identity remove'];
  it('asks first at a terminal, and not with --yes', () => {
    const found = leaves.filter((each) => each.options.some(({ long }) => long === '--yes')).map(pathOf);
    expect(found).toEqual(expect.arrayContaining(asking));
  });
});

describe('options', () => {
  it('that name a closed set in their words refuse everything else', () => {
    // `a, b or c` in the words of an option without choices would take any other word, too.
    const open = all(program()).flatMap((command) =>
      command.options.filter(({ argChoices, parseArg, long, flags, description }) => {
        const isWord = flags.includes('<') && argChoices === undefined && parseArg === undefined && long !== '--kind';
        return isWord && /^(?:one of|\w+, \w+(?:, \w+)*(?: or \w+)?$)/.test(description);
      }),
    );
    expect(open.map(({ flags }) => flags)).toEqual([]);
  });
});

describe('what is completed', () => {
  const tree = completionTree(program());
  const node = (path: string) => tree.find((each) => each.path === path);

  it('is every command and option that is shown', () => {
    expect(tree.map(({ path }) => path)).toEqual(all(program()).map(pathOf));
    for (const command of all(program()))
      for (const { long } of command.options) expect(node(pathOf(command))?.options.map(({ name }) => name)).toContain(long);
  });
  it.each([
    ['net firewall', '--format', 'in:table nftables ufw windows'],
    ['net firewall', '--config', 'file'],
    ['lm', '--state', 'dir'],
    ['detach', '--key', 'ask:keys'],
    ['sessions', '--user', 'ask:users'],
    ['status', '--lm', 'ask:managers'],
    ['vendor license', '--product', 'text'],
    ['vendor license', '--c2v', 'file'],
  ])('"%s %s" takes %s', (path, option, slot) => {
    expect(node(path)?.options.find(({ name }) => name === option)?.slot).toBe(slot);
  });
  it('knows places of arguments', () => {
    expect(node('apply')?.places).toEqual(['file']);
    expect(node('sessions kill')).toMatchObject({ places: ['ask:sessions'], repeats: true });
    expect(node('vendor package')).toMatchObject({ places: ['dir', 'file'], repeats: true });
  });
  it('takes from others only what is nothing but itself on a command line (S8)', () => {
    for (const good of ['anna', 'a.b-c_d@host:1', 42, '700000000000000001']) expect(harmless(good)).toBe(true);
    for (const bad of ['$(id)', '`id`', 'a b', "a'b", '-rf', '--lm=x', '', 'a;b', 'a\nb', '~', '*', 'ä\u202E', 1.5, null, {}])
      expect(harmless(bad)).toBe(false);
  });
});
