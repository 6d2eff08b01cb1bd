import { Command, Option } from 'commander';
import { z } from 'zod';
import { askJson, type Common, withExamples } from './parts.ts';
import { printJson } from './print.ts';
import { plain } from './width.ts';
import { withLm } from './with-lm.ts';

// keyhaven identity change: the name, rights, limits and end of an identity that is issued; its secret stays.

const identity = z.looseObject({ id: z.string() });
const collect = (value: string, before: string[] | undefined): string[] => [...(before ?? []), value];

type Options = Common & {
  readonly issuedTo?: string;
  readonly right?: string[];
  readonly limit?: string[];
  readonly unlimited?: boolean;
  readonly expires?: string;
  readonly never?: boolean;
  readonly computers?: string;
  readonly anyComputer?: boolean;
  readonly unregister?: string[];
};
/** How the texts of --limit, --expires and --computers are read. */
type Readers = {
  readonly limitIn: (text: string) => object;
  readonly endIn: (text: string) => string;
  readonly countIn: (text: string) => number;
};

export const changeCommand = ({ limitIn, endIn, countIn }: Readers): Command => {
  const command = withLm(new Command('change').description('changes what an identity may and until when; its secret stays'))
    .argument('<id>', 'as shown by: keyhaven identity list')
    .option('--issued-to <name>', 'the person or computer that it is for')
    .addOption(new Option('--right <right>', 'may be given several times').choices(['login', 'list']).argParser(collect))
    .option('--limit <key[:product]>', 'only this key, or product of it; may be given several times', collect)
    .addOption(new Option('--unlimited', 'for every key').conflicts('limit'))
    .option('--expires <date>', 'the last day, like 2027-12-31, or a duration from now on, like 90d')
    .addOption(new Option('--never', 'it does not expire').conflicts('expires'))
    .option('--computers <n>', 'how many computers may log in with it')
    .addOption(new Option('--any-computer', 'computers are not counted').conflicts('computers'))
    .option('--unregister <computer>', 'a registered computer that makes room; may be given several times', collect)
    .option('--json', 'one JSON document')
    .action(async (id: string, options: Options) => {
      const { issuedTo, right, limit, unlimited, expires, never, computers, anyComputer, unregister } = options;
      const change = {
        ...(issuedTo === undefined ? {} : { issuedTo }),
        ...(right === undefined ? {} : { rights: [...new Set(right)] }),
        ...(unlimited === true ? { limitTo: null } : limit === undefined ? {} : { limitTo: limit.map(limitIn) }),
        ...(never === true ? { expires: null } : expires === undefined ? {} : { expires: endIn(expires) }),
        ...(anyComputer === true ? { maxMachines: null } : computers === undefined ? {} : { maxMachines: countIn(computers) }),
        ...(unregister === undefined ? {} : { unregister }),
      };
      if (Object.keys(change).length === 0)
        return command.error(
          'error: say what to change: --issued-to, --right, --limit or --unlimited, --expires or --never, --computers or --any-computer, --unregister',
          {
            exitCode: 2,
          },
        );
      const made = await askJson(identity, options.lm, 'PUT', `/api/v1/identities/${encodeURIComponent(id)}`, change);
      if (options.json === true) printJson(made);
      else process.stdout.write(`identity ${plain(made.id)} is changed\n`);
    });
  return withExamples(
    command,
    'keyhaven identity change build-7 --expires 2027-12-31',
    'keyhaven identity change build-7 --unlimited --never',
  );
};
