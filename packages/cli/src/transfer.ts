import { Command, Option } from 'commander';
import { askingFirst, confirm } from './confirm.ts';
import { readLicenseFile } from './license-files.ts';
import { askLm, parseTarget } from './lm-client.ts';
import { writeInto } from './out.ts';
import { duration, whole } from './parts.ts';
import { detachHere, returnHere, returnsCommand } from './transfer-online.ts';
import { plain } from './width.ts';
import { withLm } from './with-lm.ts';

// keyhaven recipient, detach, return, returns and rehost: licenses that go from computer to computer (K5).

type Target = { readonly lm: string; readonly out: string; readonly json?: boolean | undefined };
type DetachOptions = Omit<Target, 'out'> & {
  readonly key: string;
  readonly product?: number;
  readonly recipient?: string;
  readonly here?: true;
  readonly from?: string;
  readonly out?: string;
  readonly duration?: number;
  readonly seats?: number;
};

const missing = (command: Command, option: string): never =>
  command.error(`error: required option '${option}' not specified`, { exitCode: 2 });

/** How a lost file is asked for again, with the same command; the license manager does nothing twice for it (decision 0010). */
const AGAIN = {
  recipient: 'The same command makes another ID; either of them will do.',
  detach: 'The same command makes the file again: it extends what this recipient has by the time since, and takes no other seat.',
  leaving: 'The same command gives the same file.',
} as const;

/** What the LM answers goes into the file. */
type Fetch = Target & { readonly again: string; readonly inputs?: readonly string[] };
const fetchFile = ({ lm, ...into }: Fetch, command: Command, path: string, wish: object): Promise<void> =>
  writeInto(into, command, () => askLm(parseTarget(lm), 'POST', path, { type: 'application/json', text: JSON.stringify(wish) }));

export const transferCommands = (): Command[] => [
  withLm(
    new Command('recipient').description('writes the identity of this computer, for a license to be detached or a key to be moved to it'),
  )
    .option('--key <id>', 'a detached license of this computer that is to be extended; without it a fresh one is prepared')
    .requiredOption('--out <file>', 'the ID file to write; - for standard output')
    .option('--json', 'one JSON document')
    .action(async (options: Target & { readonly key?: string }, command: Command) =>
      fetchFile(
        { ...options, again: AGAIN.recipient },
        command,
        '/api/v1/recipient',
        options.key === undefined ? {} : { key: options.key },
      ),
    ),
  withLm(
    new Command('detach').description('detaches a product to another computer for a time, or from another one to this, or extends that'),
  )
    .requiredOption('--key <id>', 'the key; with --here and without --product the lent key of this computer that is to be extended')
    .option('--product <id>', 'the product', whole(0, 0xffff_ffff))
    .option('--recipient <file>', 'the ID file of the other computer')
    .addOption(new Option('--here', 'to this computer, over the network').conflicts(['recipient', 'out']))
    .option('--from <host>', 'with --here: the computer of the key, by name or GUID; without it the one that has the key')
    .option('--duration <time>', 'for how long: seconds, or such as 12h, 7d, 2w (1d)', duration(1, 0xffff_ffff))
    .option('--seats <n>', 'seats to serve over a network there; without it one seat for that computer alone', whole(1, 1_000_000))
    .option('--out <file>', 'the H2R file to write; - for standard output')
    .option('--json', 'one JSON document')
    .action(async (options: DetachOptions, command: Command) => {
      const { lm, json, key, from, recipient, out, product, seats, duration: seconds } = options;
      if (options.here === true) return detachHere({ lm, json, key, from, product, duration: seconds, seats });
      if (from !== undefined) return command.error("error: option '--from <host>' goes with '--here'", { exitCode: 2 });
      if (product === undefined) return missing(command, '--product <id>');
      if (recipient === undefined) return missing(command, '--recipient <file>');
      if (out === undefined) return missing(command, '--out <file>');
      const text = await readLicenseFile(recipient);
      await fetchFile({ lm, json, out, inputs: [recipient], again: AGAIN.detach }, command, '/api/v1/detach', {
        key,
        product,
        recipient: text,
        ...(seconds === undefined ? {} : { duration: seconds }),
        ...(seats === undefined ? {} : { seats }),
      });
    }),
  withLm(new Command('return').description('gives a detached license back before its time is over'))
    .requiredOption('--key <id>', 'the key of the detached license on this computer')
    .option('--out <file>', 'the R2H file to write, where the owner is not to be told over the network')
    .option('--json', 'one JSON document')
    .action(async ({ out, ...options }: Omit<Target, 'out'> & { readonly key: string; readonly out?: string }, command: Command) =>
      out === undefined
        ? returnHere(options)
        : fetchFile({ ...options, out, again: AGAIN.leaving }, command, '/api/v1/return', { key: options.key }),
    ),
  returnsCommand(),
  askingFirst(withLm(new Command('rehost').description('moves a whole key to another computer; asks first at a terminal')))
    .requiredOption('--key <id>', 'the key; it is no more on this computer afterwards')
    .requiredOption('--recipient <file>', 'the ID file of the other computer')
    .requiredOption('--out <file>', 'the H2H file to write; - for standard output')
    .option('--json', 'one JSON document')
    .action(async (options: Target & { readonly key: string; readonly recipient: string; readonly yes?: boolean }, command: Command) => {
      const recipient = await readLicenseFile(options.recipient);
      await confirm(`Move key ${plain(options.key)} away from this computer? It cannot be used here afterwards; go on`, options.yes);
      const into = { lm: options.lm, json: options.json, out: options.out, inputs: [options.recipient], again: AGAIN.leaving };
      await fetchFile(into, command, '/api/v1/rehost', { key: options.key, recipient });
    }),
];
