import { setTimeout as pause } from 'node:timers/promises';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { accessPattern, DEFAULT_PATTERN } from '@keyhaven/core/log';
import { Argument, Command } from 'commander';
import { z } from 'zod';
import { followLm, parseTarget } from './lm-client.ts';
import { linesAfter } from './log-lines.ts';
import { askJson, type Common, whole, withExamples } from './parts.ts';
import { printJson } from './print.ts';
import { setAtLm } from './settings-lm.ts';
import { endedByUser } from './stop.ts';
import { plain } from './width.ts';
import { withLm } from './with-lm.ts';

// keyhaven log access, error and pattern: the latest lines of the logs of a license manager, and how a line of the access log looks (C5).

const MAX_LINES = 5_000;
/** What changes nothing that is told (a page that was read) may be a line of the access log, too. */
const LOOK_AGAIN_MS = 3_000;

type Options = Common & { readonly lines: number; readonly follow?: boolean };
type Log = 'access' | 'error';

const answer = z.object({ lines: z.array(z.string()) });
const linesOf = async (lm: string, log: Log, lines: number): Promise<readonly string[]> =>
  (await askJson(answer, lm, 'GET', `/api/v1/log/${log}?lines=${lines}`)).lines;

const print = (lines: readonly string[], json: boolean): void => {
  for (const line of lines) {
    if (json) printJson({ line });
    else process.stdout.write(`${plain(line)}\n`);
  }
};

/** Until Ctrl-C, or the license manager ends. */
const follow = async ({ lm, json }: Common, log: Log, shown: readonly string[]): Promise<void> => {
  const ended = endedByUser();
  const over = new AbortController();
  const signal = AbortSignal.any([ended, over.signal]);
  let changed = Promise.withResolvers<void>();
  const told = followLm(parseTarget(lm), '/api/v1/events', signal, () => changed.resolve()).finally(() => over.abort());
  // Whoever awaits it below is told; until then it is not unhandled.
  told.catch(() => undefined);
  let before = shown;
  try {
    while (!signal.aborted) {
      const timer = new AbortController();
      const wake = AbortSignal.any([timer.signal, signal]);
      await Promise.race([changed.promise, pause(LOOK_AGAIN_MS, undefined, { signal: wake }).catch(() => undefined)]);
      timer.abort();
      changed = Promise.withResolvers<void>();
      if (signal.aborted) break;
      const after = await linesOf(lm, log, MAX_LINES);
      print(linesAfter(before, after), json === true);
      before = after;
    }
    await told;
  } catch (error) {
    if (!ended.aborted) throw error;
  } finally {
    over.abort();
  }
};

const logOf = (log: Log, what: string): Command =>
  withExamples(
    withLm(new Command(log).description(what))
      .option('--lines <n>', `how many at most, 1 to ${MAX_LINES}`, whole(1, MAX_LINES), 200)
      .option('--follow', 'goes on with each new line, until Ctrl-C')
      .option('--json', 'one JSON document; with --follow one for each line')
      .action(async (options: Options) => {
        const { lm, lines, json } = options;
        // What follows is told from the newest of all lines on.
        const all = await linesOf(lm, log, options.follow === true ? MAX_LINES : lines);
        const shown = all.slice(-lines);
        if (json === true && options.follow !== true) return printJson({ lines: shown });
        print(shown, json === true);
        if (all.length === 0)
          process.stderr.write(
            `The ${log} log is empty. Where it is off, switch it on with: keyhaven config set log.${log === 'access' ? 'access' : 'errors'}=true\n`,
          );
        if (options.follow === true) await follow(options, log, all);
      }),
    `keyhaven log ${log} --lines 50`,
    `keyhaven log ${log} --follow`,
  );

const settings = z.looseObject({ settings: z.array(z.looseObject({ path: z.string(), value: z.unknown() })) });

const patternCommand = (): Command =>
  withExamples(
    withLm(new Command('pattern').description('how a line of the access log looks; with a pattern, changes that'))
      .addArgument(new Argument('[pattern]', 'values in braces, like {timestamp} {clientaddr} {function}; an empty one is the usual one'))
      .option('--json', 'one JSON document')
      .action(async (pattern: string | undefined, options: Common) => {
        if (pattern === undefined) {
          const all = await askJson(settings, options.lm, 'GET', '/api/v1/settings');
          const own = all.settings.find(({ path }) => path === 'log.pattern')?.value;
          const found = typeof own === 'string' ? own : DEFAULT_PATTERN;
          if (options.json === true) printJson({ pattern: found });
          else process.stdout.write(`${plain(found)}\n`);
          return;
        }
        const { unknown } = accessPattern(pattern);
        if (unknown.length > 0)
          throw new LicensingError(Status.INVALID_PARAMETER, {
            detail: `The access log has no value ${unknown.map((name) => `{${name}}`).join(', ')}.`,
            remedy: 'It has those of docs/guide/monitoring.md: {timestamp}, {clientaddr}, {clientid}, {function}, {statuscode} and others.',
          });
        await setAtLm(options, [['log.pattern', pattern]]);
      }),
    'keyhaven log pattern',
    "keyhaven log pattern '{timestamp} {clientid} {function} {statuscode}'",
  );

export const logCommand = (): Command =>
  new Command('log')
    .description('the logs of the license manager')
    .addCommand(logOf('access', 'who asked what, and what was answered'))
    .addCommand(logOf('error', 'warnings and errors'))
    .addCommand(patternCommand());
