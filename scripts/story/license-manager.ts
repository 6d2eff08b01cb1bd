import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { integer, list, object, parseJson, text } from '@keyhaven/core/parse';
import { type Computer, KEYHAVEN, type RunningProgram } from './computers.ts';

// License managers and the command line on the computers of the story.

export type RunningLm = {
  readonly program: RunningProgram;
  readonly guid: string;
  readonly pid: number;
  readonly tcp: readonly string[];
  readonly readyAt: number;
};

const ready = object({ guid: text(60), pid: integer(1, 0xffff_ffff), tcp: list(text(80), 64), udp: list(text(80), 1_024) });

/** The line on stderr that says why a program failed; of a crash of the runtime, the one that names the error. */
const complaint = (program: RunningProgram): string => {
  const lines = program.stderr().trim().split('\n');
  return lines.find((line) => /^(?:error \d|\w*Error\b)/.test(line)) ?? lines.at(-1) ?? '';
};

/** Waits for the line of an LM that serves. */
export const awaitReady = async (program: RunningProgram): Promise<RunningLm> => {
  const line = await Promise.race([program.nextLine((each) => each.startsWith('ready ')), program.exited.then(() => undefined)]).catch(
    () => undefined,
  );
  if (line === undefined) throw new Error(complaint(program) || 'the license manager said nothing and serves nothing');
  return { program, ...parseJson(ready, line.slice('ready '.length), 'ready'), readyAt: performance.now() };
};

/** Starts an Admin LM; `search` names the addresses it searches besides its broadcasts. */
export const startLm = async (computer: Computer, search: readonly string[] = []): Promise<RunningLm> => {
  const config = join(computer.directory, 'keyhaven.toml');
  await writeFile(config, `[search]\naddresses = ${JSON.stringify(search)}\n`);
  const state = join(computer.directory, 'state');
  return awaitReady(await computer.start(KEYHAVEN, ['lm', '--state', state, '--config', config, ...computer.lmArguments]));
};

/** Runs `keyhaven` on the computer, against its own LM; the first line of its output. */
export const keyhaven = async (computer: Computer, ...args: readonly string[]): Promise<string> => {
  const program = await computer.start(KEYHAVEN, [...args, '--lm', computer.lm]);
  const line = await program.nextLine().catch(() => '');
  const { code } = await program.exited;
  if (code !== 0) throw new Error(complaint(program) || `keyhaven ${args.join(' ')} ended with ${code}`);
  return line;
};
