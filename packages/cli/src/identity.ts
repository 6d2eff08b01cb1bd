import { LicensingError, Status } from '@keyhaven/core/errors';
import { parseDuration } from '@keyhaven/core/parse';
import { Command, Option } from 'commander';
import { z } from 'zod';
import { askingFirst, confirm } from './confirm.ts';
import { changeCommand } from './identity-change.ts';
import { askLm, parseTarget } from './lm-client.ts';
import { printJson, say, table } from './print.ts';
import { plain } from './width.ts';
import { withLm } from './with-lm.ts';

// keyhaven identity: who may use the REST licensing API of a license manager.

const identity = z.object({
  id: z.string(),
  issuedTo: z.string(),
  rights: z.array(z.string()),
  limitTo: z.array(z.object({ key: z.string(), product: z.number().optional() })).optional(),
  expires: z.string().optional(),
  disabled: z.boolean(),
  state: z.string().optional(),
  lastUsed: z.string().optional(),
  maxMachines: z.number().optional(),
  machines: z.array(z.object({ machine: z.string() })).optional(),
});
type Identity = z.infer<typeof identity>;
type Common = { readonly lm: string; readonly json?: boolean };

const URL = '/api/v1/identities';
const shownLimit = ({ limitTo }: Identity): string =>
  limitTo?.map(({ key, product }) => (product === undefined ? key : `${key}:${product}`)).join(' ') ?? 'all';

/** `KEY` or `KEY:PRODUCT`. @throws LicensingError INVALID_PARAMETER (501) */
const limitIn = (text: string): { readonly key: string; readonly product?: number } => {
  const [, key, product] = /^([1-9]\d{0,19})(?::(\d{1,10}))?$/.exec(text) ?? [];
  if (key === undefined)
    throw new LicensingError(Status.INVALID_PARAMETER, { detail: `${JSON.stringify(text.slice(0, 40))} is not KEY or KEY:PRODUCT.` });
  return product === undefined ? { key } : { key, product: Number(product) };
};
/** @throws LicensingError INVALID_PARAMETER (501) */
const countIn = (text: string): number => {
  if (/^[1-9]\d{0,3}$/.test(text)) return Number(text);
  throw new LicensingError(Status.INVALID_PARAMETER, { detail: `${JSON.stringify(text.slice(0, 40))} is no number of computers.` });
};
const shownMachines = ({ maxMachines, machines = [] }: Identity): string =>
  maxMachines === undefined ? 'any' : `${machines.length} of ${maxMachines}${machines.map(({ machine }) => ` ${plain(machine)}`).join('')}`;
/** A day ends at its last second, in UTC. @throws LicensingError INVALID_PARAMETER (501) */
/** A date, or a duration from now on. */
const endIn = (text: string): string => {
  const seconds = /^\d+$/.test(text) ? undefined : parseDuration(text);
  if (seconds !== undefined && seconds > 0 && seconds <= 0xffff_ffff) return new Date(Date.now() + seconds * 1_000).toISOString();
  const at = Date.parse(/^\d{4}-\d\d-\d\d$/.test(text) ? `${text}T23:59:59Z` : text);
  if (!Number.isNaN(at)) return new Date(at).toISOString();
  throw new LicensingError(Status.INVALID_PARAMETER, {
    detail: `${JSON.stringify(text.slice(0, 40))} is neither a date nor a duration.`,
    remedy: 'Write a date like 2027-12-31, or a duration from now on like 90d or 12h.',
  });
};
const collect = (value: string, before: string[] | undefined): string[] => [...(before ?? []), value];
const asBody = (value: object): { readonly type: string; readonly text: string } => ({
  type: 'application/json',
  text: JSON.stringify(value),
});

const addCommand = (): Command =>
  withLm(new Command('add').description('issues an identity; its secret is shown this once'))
    .argument('<issued-to>', 'the person or computer that it is for')
    .option('--id <name>', 'its name; without it, one is made')
    .addOption(new Option('--right <right>', 'may be given several times; without it, both').choices(['login', 'list']).argParser(collect))
    .option('--limit <key[:product]>', 'only this key, or product of it; may be given several times', collect)
    .option('--expires <date>', 'the last day, like 2027-12-31, or a duration from now on, like 90d')
    .option('--computers <n>', 'how many computers may log in with it; the first ones are registered')
    .option('--json', 'one JSON document')
    .action(
      async (
        issuedTo: string,
        options: Common & {
          readonly id?: string;
          readonly right?: string[];
          readonly limit?: string[];
          readonly expires?: string;
          readonly computers?: string;
        },
      ) => {
        const { id, right, limit, expires, computers } = options;
        const wish = {
          issuedTo,
          ...(id === undefined ? {} : { id }),
          ...(right === undefined ? {} : { rights: [...new Set(right)] }),
          ...(limit === undefined ? {} : { limitTo: limit.map(limitIn) }),
          ...(expires === undefined ? {} : { expires: endIn(expires) }),
          ...(computers === undefined ? {} : { maxMachines: countIn(computers) }),
        };
        const made = z
          .object({ identity, secret: z.string(), address: z.string().optional() })
          .parse(JSON.parse(await askLm(parseTarget(options.lm), 'POST', URL, asBody(wish))));
        if (options.json === true) return printJson(made);
        const address = made.address === undefined ? '' : `address ${made.address}\n`;
        process.stdout.write(`identity ${made.identity.id}\nsecret ${made.secret}\n${address}The secret is not shown again.\n`);
      },
    );

const listCommand = (): Command =>
  withLm(new Command('list').description('identities, without their secrets'))
    .option('--json', 'one JSON document')
    .action(async ({ lm, json }: Common) => {
      const identities = z.array(identity).parse(JSON.parse(await askLm(parseTarget(lm), 'GET', URL)));
      if (json === true) return printJson(identities);
      process.stdout.write(
        table(
          ['ID', 'ISSUED TO', 'RIGHTS', 'LIMIT', 'EXPIRES', 'STATE', 'COMPUTERS', 'LAST USED'],
          identities.map((each) => [
            each.id,
            each.issuedTo,
            each.rights.join(' '),
            shownLimit(each),
            each.expires ?? 'never',
            each.state ?? (each.disabled ? 'disabled' : 'enabled'),
            shownMachines(each),
            each.lastUsed ?? 'never',
          ]),
          'There is no identity. Issue one with: keyhaven identity add NAME',
        ),
      );
    });

const removeCommand = (): Command =>
  askingFirst(withLm(new Command('remove').description('takes it away; its sessions end')))
    .argument('<id>', 'as shown by: keyhaven identity list')
    .option('--json', 'one JSON document')
    .action(async (id: string, { lm, json, yes }: Common & { readonly yes?: boolean }) => {
      await confirm(`Remove identity ${plain(id)}? Its sessions end, and its secret is not to be had again; go on`, yes);
      await askLm(parseTarget(lm), 'DELETE', `${URL}/${encodeURIComponent(id)}`);
      say(json, `identity ${plain(id)} is removed`, { id, done: 'is removed' });
    });
const actCommand = (name: string, what: string, act: (lm: string, url: string) => Promise<unknown>, done: string): Command =>
  withLm(new Command(name).description(what))
    .argument('<id>', 'as shown by: keyhaven identity list')
    .option('--json', 'one JSON document')
    .action(async (id: string, { lm, json }: Common) => {
      await act(lm, `${URL}/${encodeURIComponent(id)}`);
      say(json, `identity ${plain(id)} ${done}`, { id, done });
    });
const setDisabled =
  (disabled: boolean) =>
  (lm: string, url: string): Promise<string> =>
    askLm(parseTarget(lm), 'PUT', url, asBody({ disabled }));

export const identityCommand = (): Command =>
  new Command('identity')
    .description('identities of clients of the REST licensing API')
    .addCommand(addCommand())
    .addCommand(listCommand())
    .addCommand(changeCommand({ limitIn, endIn, countIn }))
    .addCommand(actCommand('disable', 'switches it off; its sessions end', setDisabled(true), 'is disabled'))
    .addCommand(actCommand('enable', 'switches it on again', setDisabled(false), 'is enabled'))
    .addCommand(removeCommand());
