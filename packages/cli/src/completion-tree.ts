import type { Argument, Command, Option } from 'commander';
import type { Asked } from './completion-asked.ts';
import { pathOf } from './usage.ts';

// What can be completed, read from the commands themselves: which commands there are, which options each has, and what belongs behind them.

/** What belongs in a place: `file`, `dir`, `text`, `ask:keys`, or `in:` with the words to choose from. */
export type Slot = string;
export type Named = { readonly name: string; readonly description: string };
export type CompletionNode = {
  /** Names of the commands that lead there; empty at the root. */
  readonly path: string;
  readonly commands: readonly Named[];
  readonly options: readonly (Named & { readonly takes: 'nothing' | 'maybe' | 'value'; readonly slot: Slot })[];
  readonly places: readonly Slot[];
  /** Whether the last place may be filled any number of times. */
  readonly repeats: boolean;
};

const BY_NAME: Readonly<Record<string, Asked>> = {
  key: 'keys',
  feature: 'features',
  product: 'products',
  user: 'users',
  host: 'hosts',
  lm: 'managers',
};
const IDS: Readonly<Record<string, Asked>> = { sessions: 'sessions', identity: 'identities', key: 'keys' };

const slotOf = (path: string, name: string, shown: string, choices: readonly string[] | undefined): Slot => {
  if (choices !== undefined) return `in:${choices.join(' ')}`;
  if (/^(?:.*-)?files?$/.test(shown)) return 'file';
  if (shown === 'dir') return 'dir';
  const [group = ''] = path.split(' ');
  // The products of a vendor are those of the catalog.
  const what = group === 'vendor' ? undefined : name === 'id' ? IDS[group] : BY_NAME[name];
  return what === undefined ? 'text' : `ask:${what}`;
};
const ofArgument = (path: string, argument: Argument): Slot => slotOf(path, argument.name(), argument.name(), argument.argChoices);
const ofOption = (path: string, option: Option): CompletionNode['options'][number][] => {
  const shown = /[<[]([^>\]]+?)(?:\.\.\.)?[>\]]/.exec(option.flags)?.[1] ?? '';
  const takes = option.required ? 'value' : option.optional ? 'maybe' : 'nothing';
  const slot = takes === 'nothing' ? 'text' : slotOf(path, option.name(), shown, option.argChoices);
  return [option.long, option.short].flatMap((name) => (name ? [{ name, description: option.description, takes, slot } as const] : []));
};

/** Every command that is shown, the root first. */
export const completionTree = (command: Command): CompletionNode[] => {
  const path = pathOf(command);
  const help = command.createHelp();
  const below = help.visibleCommands(command).filter((each) => command.commands.includes(each));
  return [
    {
      path,
      commands: below.map((each) => ({ name: each.name(), description: each.description() })),
      options: help.visibleOptions(command).flatMap((option) => ofOption(path, option)),
      places: command.registeredArguments.map((argument) => ofArgument(path, argument)),
      repeats: command.registeredArguments.at(-1)?.variadic === true,
    },
    ...below.flatMap(completionTree),
  ];
};

/** For bash and zsh: a text that is nothing but itself. */
export const quoted = (text: string): string => `'${text.replaceAll(/\p{Cc}+/gu, ' ').replaceAll("'", "'\\''")}'`;
