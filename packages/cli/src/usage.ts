import type { EventEmitter } from 'node:events';
import type { Command } from 'commander';
import { mayColor, toned } from './color.ts';
import { EXAMPLES } from './examples.ts';

// What is told of wrong usage: what was wrong, what may have been meant, and how it is written. Standard error, exit status 2.

export const pathOf = (command: Command): string => (command.parent === null ? '' : `${pathOf(command.parent)} ${command.name()}`.trim());

/** Samples for what a command takes, by the names in its usage. */
const SAMPLES: readonly (readonly [RegExp, string])[] = [
  [/file|out/, 'license.v2c'],
  [/dir/, 'acme'],
  [/seconds|days/, '60'],
  [/code/, 'CODE'],
  [/host/, '192.0.2.10:1947'],
];
const sampleOf = (name: string): string => SAMPLES.find(([pattern]) => pattern.test(name))?.[1] ?? name.toUpperCase();
/** With all that it needs and nothing else. */
const derived = (command: Command): string =>
  [
    'keyhaven',
    pathOf(command),
    ...command.registeredArguments.filter(({ required }) => required).map((each) => each.argChoices?.[0] ?? sampleOf(each.name())),
    ...command.options.filter(({ mandatory }) => mandatory).map((each) => `${each.long ?? each.short} ${sampleOf(each.attributeName())}`),
  ].join(' ');
export const examplesOf = (command: Command): readonly string[] => EXAMPLES[pathOf(command)] ?? [derived(command)];

const distance = (a: string, b: string): number => {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 1; i <= a.length; i += 1) {
    const next = [i];
    for (let j = 1; j <= b.length; j += 1)
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1)));
    row = next;
  }
  return row[b.length] ?? a.length;
};
const nearest = (word: string, words: readonly string[]): string | undefined => {
  const [best] = words.map((each) => ({ each, far: distance(word, each) })).toSorted((a, b) => a.far - b.far);
  return best !== undefined && best.far <= Math.max(2, Math.floor(best.each.length / 3)) && best.far < word.length ? best.each : undefined;
};

/** Where a command has both an action and commands of its own, a mistyped one of them looks like too many arguments. */
const meantCommand = (command: Command, message: string): string => {
  const [, word] = /too many arguments.* but got \d+: ([^,\s]+)/.exec(message) ?? [];
  if (word === undefined || command.commands.length === 0) return message;
  const close = nearest(
    word,
    command.commands.map((each) => each.name()),
  );
  return `error: unknown command '${word}'${close === undefined ? '' : `\n(Did you mean ${close}?)`}`;
};

const wrongUsage = (command: Command, message: string): string => {
  const told = meantCommand(command, message.trimEnd());
  const hasOwn = command.registeredArguments.length > 0 || command.options.length > 0;
  const [example] = command.commands.length > 0 && !hasOwn ? [] : examplesOf(command);
  const path = pathOf(command);
  return [
    toned(told, 'bad', { color: mayColor(process.stderr, process.env) }),
    ...(example === undefined ? [] : [`Example: ${example}`]),
    `More: keyhaven ${path === '' ? '' : `${path} `}--help`,
    '',
  ].join('\n');
};

/** Gives all commands their examples, their words for wrong usage, and errors that are thrown instead of an end of the process. */
export const explainUsage = (command: Command): void => {
  command.exitOverride();
  command.configureOutput({ outputError: (message, write) => write(wrongUsage(command, message)) });
  if (command.commands.length === 0 || command.registeredArguments.length > 0 || EXAMPLES[pathOf(command)] !== undefined) {
    const lines = examplesOf(command);
    // A command that brings its own examples has said them.
    if (!hasOwnExamples(command))
      command.addHelpText('after', `\n${lines.length === 1 ? 'Example' : 'Examples'}:\n${lines.map((line) => `  ${line}\n`).join('')}`);
  }
  for (const each of command.commands) explainUsage(each);
};
/** Commands of commander are event emitters, which their types do not say of this. */
const hasOwnExamples = (command: Command): boolean =>
  (command as Command & Pick<EventEmitter, 'listenerCount'>).listenerCount('afterHelp') > 0;
