import { createInterface } from 'node:readline/promises';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { Command } from 'commander';
import { z } from 'zod';
import { confirm, yesOption } from './confirm.ts';
import { askJson, type Common, whole, withExamples } from './parts.ts';
import { printJson, table } from './print.ts';
import { lists } from './search-lists.ts';
import { plain } from './width.ts';
import { withLm } from './with-lm.ts';

// keyhaven sessions kill: ends sessions that are named, or all that a filter finds once somebody has said yes to it.

/** BOUNDED: sessions of one request. */
const AT_A_TIME = 1_000;
const SHOWN = 20;
const filters = ['key', 'product', 'feature', 'user', 'host'] as const;

type Options = Common & { readonly yes?: boolean; readonly remote?: boolean } & {
  readonly [F in (typeof filters)[number]]?: string | number;
};

const ended = z.object({ status: z.literal('ended') });
const result = z.object({
  ended: z.array(z.string()),
  refused: z.array(
    z.looseObject({ session: z.string(), problem: z.looseObject({ code: z.number(), name: z.string(), message: z.string() }) }),
  ),
});
const page = z.object({ items: z.array(z.looseObject({ id: z.string() })), next: z.string().nullable(), total: z.number() });
type Session = z.infer<typeof page>['items'][number];

const foundBy = async (lm: string, query: readonly [string, string][]): Promise<readonly Session[]> => {
  const found: Session[] = []; // BOUNDED by the sessions of the license manager
  let cursor: string | null = '';
  while (cursor !== null) {
    const params = new URLSearchParams([...query, ['limit', String(AT_A_TIME)]]);
    if (cursor !== '') params.set('cursor', cursor);
    const next: z.infer<typeof page> = await askJson(page, lm, 'GET', `/api/v1/list/sessions?${params.toString()}`);
    found.push(...next.items);
    cursor = next.items.length === 0 ? null : next.next;
  }
  return found;
};

/** @throws LicensingError where nobody says yes */
const confirmed = async (sessions: readonly Session[]): Promise<void> => {
  const { heads, row } = lists.sessions;
  process.stderr.write(table(heads, sessions.slice(0, SHOWN).map(row), ''));
  if (sessions.length > SHOWN) process.stderr.write(`and ${sessions.length - SHOWN} more\n`);
  const what = sessions.length === 1 ? 'this session' : `these ${sessions.length} sessions`;
  const none = (detail: string): LicensingError =>
    new LicensingError(Status.INVALID_PARAMETER, { detail, remedy: `To end ${what} say yes, or give --yes.` });
  if (!process.stdin.isTTY) throw none('There is no terminal to ask at, and nothing was ended.');
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const said = await terminal.question(`End ${what}? [y/N] `);
  terminal.close();
  if (!/^(?:y|yes)$/i.test(said.trim())) throw none('Nothing was ended.');
};

/** Each is told; that one of them was refused is a failure of the command. */
const endAll = async (lm: string, ids: readonly string[], json: boolean): Promise<void> => {
  const all: z.infer<typeof result> = { ended: [], refused: [] };
  for (let done = 0; done < ids.length; done += AT_A_TIME) {
    const part = await askJson(result, lm, 'POST', '/api/v1/sessions/kill', { sessions: ids.slice(done, done + AT_A_TIME) });
    all.ended.push(...part.ended);
    all.refused.push(...part.refused);
  }
  if (json) printJson(all);
  else {
    for (const id of all.ended) process.stdout.write(`session ${plain(id)} ended\n`);
    for (const { session, problem } of all.refused)
      process.stderr.write(`error ${problem.code} ${problem.name}: session ${plain(session)}: ${plain(problem.message)}\n`);
  }
  if (all.refused.length > 0) process.exitCode = 1;
};

export const killCommand = (): Command => {
  const command = withLm(new Command('kill').description('ends sessions; their seats are free at once'))
    .argument('[id...]', 'as shown by: keyhaven sessions')
    .option('--key <id>', 'all of this key')
    .option('--product <id>', 'all of this product', whole(0, 0xffff_ffff))
    .option('--feature <id>', 'all of this feature', whole(0, 0xffff_ffff))
    .option('--user <name>', 'all of this user')
    .option('--host <name>', 'all of this computer')
    .option('--remote', 'those of applications here on keys of other license managers, too')
    .addOption(yesOption())
    .option('--json', 'one JSON document')
    .action(async (ids: string[]) => {
      // `sessions --lm X kill ID` means the same as `sessions kill ID --lm X`: what both have, the outer one reads.
      const own = command.getOptionValueSource('lm') !== 'default';
      const all = { ...command.optsWithGlobals<Options>(), ...(own ? { lm: command.opts<Options>().lm } : {}) };
      const query = filters.flatMap((name): [string, string][] => (all[name] === undefined ? [] : [[name, String(all[name])]]));
      if ((ids.length === 0) === (query.length === 0))
        return command.error(
          'error: name either the sessions to end, or what they have in common: --user, --host, --key, --product, --feature',
          {
            exitCode: 2,
          },
        );
      if (ids.length > 0) await confirm(ids.length === 1 ? 'End this session' : `End these ${ids.length} sessions`, all.yes);
      const [only] = ids;
      if (ids.length === 1 && only !== undefined) {
        const done = await askJson(ended, all.lm, 'DELETE', `/api/v1/sessions/${encodeURIComponent(only)}`);
        if (all.json === true) printJson(done);
        else process.stdout.write(`session ${plain(only)} ended\n`);
        return;
      }
      if (ids.length > 0) return endAll(all.lm, ids, all.json === true);
      const found = await foundBy(all.lm, all.remote === true ? [...query, ['remote', 'true']] : query);
      if (found.length > 0 && all.yes !== true) await confirmed(found);
      if (found.length === 0 && all.json !== true) process.stdout.write('No session is like that.\n');
      else
        await endAll(
          all.lm,
          found.map(({ id }) => id),
          all.json === true,
        );
    });
  return withExamples(
    command,
    'keyhaven sessions kill 6f1c...',
    'keyhaven sessions kill --user ada --host drawing',
    'keyhaven sessions kill --feature 42 --yes',
  );
};
