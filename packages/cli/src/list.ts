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
import { listed, type Read } from './listing.ts';
import { whole } from './parts.ts';
import type { Cell } from './print.ts';
import { killCommand } from './sessions-kill.ts';
import { ofUserStores } from './user-stores.ts';

// keyhaven status | keys | products | features | sessions | peers. What the LM says is shown as it is.

const where = (local: boolean, lm: { readonly hostname: string }): string => (local ? 'local' : lm.hostname);
/** A list that is answered whole. */
const all =
  <T>(name: string) =>
  async (ask: Read): Promise<T> =>
    (await ask(`/api/v1/${name}`)) as T;

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
/** What it is inside of, where that was found. */
const computerLine = ({ computer }: LmStatus): string[] => {
  const { virtualMachine, container } = computer ?? { virtualMachine: null, container: null };
  const found = [
    ...(virtualMachine === null ? [] : [`virtual machine (${virtualMachine})`]),
    ...(container === null ? [] : [`container (${container})`]),
  ];
  return found.length === 0 ? [] : [`computer  ${found.join(', ')}`];
};
/** Why it is degraded, or not ready; nothing where all is well. */
const healthLines = ({ state, reasons = [] }: LmStatus): string[] =>
  state === undefined || state === 'ready' ? [] : reasons.map((reason) => `${state}: ${reason}`);
const statusCommand = (): Command =>
  listed<LmStatus, object>(new Command('status').description('the license manager itself'), {
    topics: ['sessions', 'keys', 'peers', 'settings'],
    // It tells nothing when time goes by.
    every: 2,
    read: all('status'),
    heads: [],
    rows: (status) => [
      {
        id: 'name',
        cells: [`${status.name}  version ${status.version}  up ${status.uptime} s`],
        state: `${status.name} ${status.version}`,
      },
      ...[
        `guid      ${status.guid}`,
        `tcp       ${status.tcp.join(', ')}`,
        `udp       ${status.udp.join(', ')}`,
        `sessions  ${status.sessions}`,
        `keys      ${status.keys}`,
        `peers     ${status.peers}`,
        ...computerLine(status),
      ].map((line) => ({ id: line.slice(0, 8), cells: [line] })),
      ...healthLines(status).map((line) => ({ id: line, cells: [{ text: line, tone: 'attention' }] }) as const),
      ...identityOf(status).map((line) => ({ id: line, cells: [{ text: line, tone: 'attention' }] }) as const),
    ],
    none: '',
    state: (status) => ({ ...status, uptime: 0 }),
  });

const keyState = ({ damage, warnings }: KeyInfo): Cell => {
  if (damage !== null) return { text: damage, tone: 'bad' };
  return warnings === undefined ? { text: 'ok', tone: 'good' } : { text: warnings.join(' '), tone: 'attention' };
};
/** Names have a column where there is one. */
const named = (keys: readonly KeyInfo[]): boolean => keys.some(({ name }) => name !== undefined);
const keyList = {
  heads: (keys: readonly KeyInfo[]) => ['KEY', ...(named(keys) ? ['NAME'] : []), 'VENDOR', 'TYPE', 'LOCATION', 'UPDATES', 'STATE'],
  rows: (keys: readonly KeyInfo[]) =>
    keys.map((each) => ({
      id: `${each.key} ${each.licenseManager.guid}`,
      cells: [
        each.key,
        ...(named(keys) ? [each.name ?? ''] : []),
        each.vendor,
        each.type,
        where(each.local, each.licenseManager),
        each.updateCounter,
        keyState(each),
      ],
    })),
  none: 'No key is here and none was found on the network. Make one with: keyhaven c2v --vendor-code CODE --out FILE',
};
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
  listed<readonly KeyInfo[], { readonly user?: boolean }>(
    new Command('keys')
      .description('protection keys, here and on the network')
      .addOption(new Option('--user', "SL UserMode keys in this user's own stores, without an Admin LM").conflicts(['lm', 'watch'])),
    {
      topics: ['keys', 'peers'],
      read: async (ask, { user }) => (user === true ? userKeys() : all<readonly KeyInfo[]>('keys')(ask)),
      ...keyList,
    },
  );

const productsCommand = (): Command =>
  listed<readonly ProductInfo[], object>(new Command('products').description('products in the keys'), {
    topics: ['keys', 'features', 'peers'],
    read: all('products'),
    heads: ['PRODUCT', 'NAME', 'KEY', 'VENDOR', 'LOCATION', 'FEATURES'],
    rows: (products) =>
      products.map((each) => ({
        id: `${each.key} ${each.product} ${each.local}`,
        cells: [each.product, each.name, each.key, each.vendor, each.local ? 'local' : 'remote', each.features],
      })),
    none: 'No product yet. Apply a license with: keyhaven apply FILE',
  });

/** Whether seats are left, which is what is looked for first. */
const usedOf = ({ seats: { used, limit } }: FeatureInfo): Cell =>
  limit !== null && used >= limit ? { text: String(used), tone: 'bad' } : used;
const featuresCommand = (): Command =>
  listed<readonly FeatureInfo[], object>(new Command('features').description('features, their licenses and seats'), {
    topics: ['features', 'keys', 'peers', 'waiting'],
    read: all('features'),
    heads: ['FEATURE', 'NAME', 'PRODUCT', 'KEY', 'LOCATION', 'LICENSE', 'USED', 'SEATS', 'WAITING', 'COUNT'],
    rows: (features) =>
      features.map((each) => ({
        id: `${each.key} ${each.product} ${each.feature} ${each.licenseManager.guid}`,
        cells: [
          each.feature,
          each.name,
          each.product,
          each.key,
          where(each.local, each.licenseManager),
          sayLicense(each.license),
          usedOf(each),
          each.seats.limit ?? 'unlimited',
          each.seats.waiting,
          each.count,
        ],
      })),
    none: 'No feature yet. Apply a license with: keyhaven apply FILE',
  });

type SessionFilters = {
  readonly key?: string;
  readonly feature?: number;
  readonly user?: string;
  readonly host?: string;
  readonly limit?: number;
  readonly remote?: boolean;
};
type SessionPage = { readonly items: readonly SessionInfo[]; readonly next: string | null };
const PAGE = 1_000;
/** Page by page, since the license manager answers no more than 10,000 at once. */
const sessionsOf = async (
  ask: Read,
  { limit = Number.POSITIVE_INFINITY, key, feature, user, host, remote }: SessionFilters,
): Promise<SessionInfo[]> => {
  const found: SessionInfo[] = []; // BOUNDED by the sessions of the license manager
  const query = new URLSearchParams();
  for (const [name, value] of Object.entries({ key, feature, user, host, remote })) if (value !== undefined) query.set(name, String(value));
  for (let next: string | null | undefined; next !== null && found.length < limit; ) {
    query.set('limit', String(Math.min(PAGE, limit - found.length)));
    if (next !== undefined) query.set('cursor', next);
    const page = (await ask(`/api/v1/list/sessions?${query.toString()}`)) as SessionPage;
    found.push(...page.items);
    next = page.next;
  }
  return found;
};
/** Their keys have a column where one is not on this computer. */
const elsewhere = (sessions: readonly SessionInfo[]): boolean => sessions.some(({ local }) => !local);
const sessionsCommand = (): Command =>
  listed<readonly SessionInfo[], SessionFilters>(
    new Command('sessions')
      .description('who uses what, the oldest first')
      .option('--remote', 'with the sessions of applications here on keys of other license managers')
      .option('--key <id>', 'only of this key')
      .option('--feature <id>', 'only of this feature', whole(0, 0xffff_ffff))
      .option('--user <name>', 'only of this user')
      .option('--host <name>', 'only of this computer')
      .option('--limit <n>', 'how many at most', whole(1, 1_000_000)),
    {
      topics: ['sessions'],
      read: sessionsOf,
      heads: (sessions) => [
        ...['ID', 'KEY'],
        ...(elsewhere(sessions) ? ['LOCATION'] : []),
        ...['FEATURE', 'SEATS', 'USER', 'HOST', 'PID', 'APPLICATION', 'SINCE'],
      ],
      rows: (sessions) =>
        sessions.map((each) => ({
          id: each.id,
          cells: [
            ...[each.id, each.key],
            ...(elsewhere(sessions) ? [where(each.local, { hostname: each.location })] : []),
            ...[each.feature, each.seats, each.user, each.host, each.pid, each.application, each.since],
          ],
        })),
      none: 'No application uses a key of this license manager now.',
    },
  ).addCommand(killCommand());

const peersCommand = (): Command =>
  listed<readonly PeerInfo[], object>(new Command('peers').description('other license managers'), {
    topics: ['peers', 'keys'],
    read: all('peers'),
    heads: ['HOST', 'ADDRESS', 'STATE', 'KEYS', 'GUID'],
    rows: (peers) =>
      peers.map((each) => ({
        id: each.guid,
        cells: [
          each.hostname,
          each.address,
          { text: each.state, tone: each.state === 'linked' ? 'good' : 'bad' } as const,
          each.keys,
          each.guid,
        ],
      })),
    none: 'No other license manager was found.',
  });

export const listCommands = (): Command[] => [
  statusCommand(),
  keysCommand(),
  productsCommand(),
  featuresCommand(),
  sessionsCommand(),
  peersCommand(),
];
