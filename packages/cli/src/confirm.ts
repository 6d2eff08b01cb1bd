import { createInterface } from 'node:readline/promises';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { type Command, Option } from 'commander';

// Asks before something is done that cannot be undone. Only a terminal is asked: a script that runs without one goes on as ever, and one that runs at a
// terminal says --yes.

export const yesOption = (): Option => new Option('--yes', 'Do not ask at a terminal');

/** Adds `--yes` to a command that `confirm`s. */
export const askingFirst = (command: Command): Command => command.addOption(yesOption());

/**
 * @param question a sentence that says what is lost, without its question mark
 * @throws LicensingError INVALID_PARAMETER (501) where somebody at the terminal does not say yes
 */
export const confirm = async (question: string, yes: boolean | undefined): Promise<void> => {
  if (yes === true || !process.stdin.isTTY) return;
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const { promise: closed, resolve } = Promise.withResolvers<string>();
  // Ctrl-D.
  terminal.once('close', () => resolve(''));
  const answer = await Promise.race([terminal.question(`${question}? [y/N] `), closed]);
  terminal.close();
  if (/^(?:y|yes)$/i.test(answer.trim())) return;
  throw new LicensingError(Status.INVALID_PARAMETER, { detail: 'Nothing was done.', remedy: 'Answer y, or give --yes.' });
};
