import {
  type FeatureInfo,
  type KeyInfo,
  type LmStatus,
  type PeerInfo,
  type ProductInfo,
  type SessionInfo,
  sayLicense,
} from '@keyhaven/core/admin';
import { formatError, LicensingError } from '@keyhaven/core/errors';
import { Command, Option } from 'commander';
import { askLm, parseTarget } from './lm-client.ts';
import { printJson, table } from './print.ts';
import { ofUserStores } from './user-stores.ts';

// keyhaven status | keys | products | features | sessions | peers, and sessions kill. What the LM says is shown as it is.

type ListOptions = { readonly lm: string; readonly json?: boolean };

export const withLm = (command: Command): Command =>
  command
    .option('--lm <host:port>', 'the license manager to ask', '127.0.0.1:1947')
    .option('--password-file <file>', "a file whose first line is the administrator's password; else KEYHAVEN_ADMIN_PASSWORD");

const where = (local: boolean, lm: { readonly hostname: string }): string => (local ? 'local' : lm.hostname);

const list = <T>(name: string, what: string, show: (value: T) => string): Command =>
  withLm(new Command(name).description(what))
    .option('--json', 'one JSON document')
    .action(async (options: ListOptions) => {
      const value = JSON.parse(await askLm(parseTarget(options.lm), 'GET', `/api/v1/${name}`)) as T;
      if (options.json === true) printJson(value);
      else process.stdout.write(show(value));
    });

const sessionsCommand = (): Command => {
  const sessions = list<SessionInfo[]>('sessions', 'who uses what', (rows) =>
    table(
      ['ID', 'KEY', 'FEATURE', 'SEATS', 'USER', 'HOST', 'PID', 'APPLICATION', 'SINCE'],
      rows.map((each) => [each.id, each.key, each.feature, each.seats, each.user, each.host, each.pid, each.application, each.since]),
      'No application uses a key of this license manager now.',
    ),
  );
  const kill = withLm(
    new Command('kill').description('ends a session; its seat is free at once').argument('<id>', 'as shown by: keyhaven sessions'),
  ).action(async (id: string, options: ListOptions, command: Command) => {
    // `sessions --lm X kill ID` means the same as `sessions kill ID --lm X`.
    const lm = command.getOptionValueSource('lm') === 'default' ? (command.parent?.getOptionValue('lm') as string) : options.lm;
    await askLm(parseTarget(lm), 'DELETE', `/api/v1/sessions/${encodeURIComponent(id)}`);
    process.stdout.write(`session ${id} ended\n`);
  });
  return sessions.addCommand(kill);
};

const showKeys = (rows: readonly KeyInfo[]): string =>
  table(
    ['KEY', 'VENDOR', 'TYPE', 'LOCATION', 'UPDATES', 'STATE'],
    rows.map((each) => [
      each.key,
      each.vendor,
      each.type,
      where(each.local, each.licenseManager),
      each.updateCounter,
      each.damage ?? each.warnings?.join(' ') ?? 'ok',
    ]),
    'No key is here and none was found on the network. Make one with: keyhaven c2v --vendor-code CODE --out FILE',
  );
/** A store that does not open hides nothing of the others. */
const userKeys = async (): Promise<readonly KeyInfo[]> => {
  const lists = await ofUserStores(
    (store) => store.list(),
    (vendor, error) => {
      const known = error instanceof LicensingError ? formatError(error) : String(error);
      process.stderr.write(`store of vendor ${vendor}: ${known}\n`);
      process.exitCode = 1;
    },
  );
  return lists.flat();
};
const keysCommand = (): Command =>
  withLm(new Command('keys').description('protection keys, here and on the network'))
    .addOption(new Option('--user', "SL UserMode keys in this user's own stores, without an Admin LM").conflicts('lm'))
    .option('--json', 'one JSON document')
    .action(async ({ lm, user, json }: ListOptions & { readonly user?: boolean }) => {
      const keys = user === true ? await userKeys() : (JSON.parse(await askLm(parseTarget(lm), 'GET', '/api/v1/keys')) as KeyInfo[]);
      if (json === true) printJson(keys);
      else process.stdout.write(showKeys(keys));
    });

/** What people should know of the LM id; nothing where all is well. */
const identityOf = ({ duplicates = [], newId }: LmStatus): string[] => [
  ...duplicates.map(({ address, host, proven }) =>
    proven
      ? `duplicate ${host ?? address} (${address}) has the LM id of this one: one of the two is a copy. Run on one of them: keyhaven lm new-id`
      : `duplicate ${address} says that it has the LM id of this one`,
  ),
  ...(newId === undefined
    ? []
    : [`new id    ${newId.guid}, after a start${newId.waitsFor === 0 ? '' : ` without sessions over the network; now ${newId.waitsFor}`}`]),
];

export const listCommands = (): Command[] => [
  list<LmStatus>('status', 'the license manager itself', (status) =>
    [
      `${status.name}  version ${status.version}  up ${status.uptime} s`,
      `guid      ${status.guid}`,
      `tcp       ${status.tcp.join(', ')}`,
      `udp       ${status.udp.join(', ')}`,
      `sessions  ${status.sessions}`,
      `keys      ${status.keys}`,
      `peers     ${status.peers}`,
      ...identityOf(status),
      '',
    ].join('\n'),
  ),
  keysCommand(),
  list<ProductInfo[]>('products', 'products in the keys', (rows) =>
    table(
      ['PRODUCT', 'NAME', 'KEY', 'VENDOR', 'LOCATION', 'FEATURES'],
      rows.map((each) => [each.product, each.name, each.key, each.vendor, each.local ? 'local' : 'remote', each.features]),
      'No product yet. Apply a license with: keyhaven apply FILE',
    ),
  ),
  list<FeatureInfo[]>('features', 'features, their licenses and seats', (rows) =>
    table(
      ['FEATURE', 'NAME', 'PRODUCT', 'KEY', 'LOCATION', 'LICENSE', 'USED', 'SEATS', 'WAITING', 'COUNT'],
      rows.map((each) => [
        each.feature,
        each.name,
        each.product,
        each.key,
        where(each.local, each.licenseManager),
        sayLicense(each.license),
        each.seats.used,
        each.seats.limit ?? 'unlimited',
        each.seats.waiting,
        each.count,
      ]),
      'No feature yet. Apply a license with: keyhaven apply FILE',
    ),
  ),
  sessionsCommand(),
  list<PeerInfo[]>('peers', 'other license managers', (rows) =>
    table(
      ['HOST', 'ADDRESS', 'STATE', 'KEYS', 'GUID'],
      rows.map((each) => [each.hostname, each.address, each.state, each.keys, each.guid]),
      'No other license manager was found.',
    ),
  ),
];
