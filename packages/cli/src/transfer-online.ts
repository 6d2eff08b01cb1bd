import type { PeerInfo, ProductInfo } from '@keyhaven/core/admin';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { Command } from 'commander';
import { z } from 'zod';
import { type Listing, listed } from './listing.ts';
import { askLm, type LmTarget, parseTarget } from './lm-client.ts';
import { withExamples } from './parts.ts';
import { say } from './print.ts';

// keyhaven detach --here, return without a file, and returns: licenses that come from another computer and go back over the network (K5).

/** The license manager waits for another one meanwhile. */
const SILENCE_MS = 60_000;

const detachedHere = z.object({ key: z.string(), product: z.number(), until: z.string(), licenseManager: z.string() });
const returnedHere = z.object({ key: z.string(), told: z.boolean(), licenseManager: z.string(), detail: z.string().optional() });
const untold = z.array(
  z.object({
    key: z.string(),
    ownerKey: z.string(),
    product: z.number(),
    licenseManager: z.object({ guid: z.string(), hostname: z.string().optional() }),
    since: z.string(),
    until: z.string(),
    lastFault: z.string().optional(),
  }),
);

const post = async (target: LmTarget, path: string, wish: object): Promise<unknown> =>
  JSON.parse(await askLm(target, 'POST', path, { type: 'application/json', text: JSON.stringify(wish) }, SILENCE_MS));
const list = async <T>(target: LmTarget, name: string): Promise<readonly T[]> =>
  JSON.parse(await askLm(target, 'GET', `/api/v1/${name}`)) as T[];

const many = (what: string): LicensingError =>
  new LicensingError(Status.TOO_MANY_HOSTS, { detail: what, remedy: 'Name one by its GUID: --from GUID, as in keyhaven peers' });

/** The GUID of who is meant with `from`, or of who has the key. @throws LicensingError KEYID_NOT_FOUND (18), REMOTE_COMM_ERR (40), TOO_MANY_HOSTS (68) */
const ownerOf = async (target: LmTarget, from: string | undefined, key: string, product: number): Promise<string> => {
  if (from === undefined) {
    const rows = await list<ProductInfo>(target, 'products');
    const guids = new Set(
      rows.flatMap((row) => (!row.local && row.key === key && row.product === product ? [row.licenseManager.guid] : [])),
    );
    const [guid] = guids;
    if (guids.size > 1) throw many(`Key ${key} is on ${guids.size} other computers.`);
    if (guid !== undefined) return guid;
    throw new LicensingError(Status.KEYID_NOT_FOUND, {
      detail: `No other computer in reach has product ${product} of key ${key}.`,
      remedy: 'See what there is with: keyhaven products',
    });
  }
  if (/^[A-Za-z0-9_-]{40}$/.test(from)) return from;
  const named = (await list<PeerInfo>(target, 'peers')).filter(({ hostname }) => hostname.toLowerCase() === from.toLowerCase());
  const [peer] = named;
  if (named.length > 1) throw many(`${named.length} license managers are called ${from}.`);
  if (peer !== undefined) return peer.guid;
  throw new LicensingError(Status.REMOTE_COMM_ERR, {
    detail: `No license manager called ${from} is known here.`,
    remedy: 'See which ones are with: keyhaven peers',
  });
};

export type DetachHere = {
  readonly lm: string;
  readonly json?: boolean | undefined;
  readonly key: string;
  readonly from?: string | undefined;
  /** undefined = what is lent already is extended. */
  readonly product: number | undefined;
  readonly duration: number | undefined;
  readonly seats: number | undefined;
};
export const detachHere = async ({ lm, json, key, from, product, duration, seats }: DetachHere): Promise<void> => {
  const target = parseTarget(lm);
  const time = duration === undefined ? {} : { duration };
  const wish =
    product === undefined
      ? { key, ...time }
      : { licenseManager: await ownerOf(target, from, key, product), key, product, ...time, ...(seats === undefined ? {} : { seats }) };
  const answer = detachedHere.parse(await post(target, '/api/v1/detach-here', wish));
  say(json, `product ${answer.product} is detached to this computer until ${answer.until}: key ${answer.key}`, answer);
};

type ReturnHere = { readonly lm: string; readonly json?: boolean | undefined; readonly key: string };
export const returnHere = async ({ lm, json, key }: ReturnHere): Promise<void> => {
  const answer = returnedHere.parse(await post(parseTarget(lm), '/api/v1/return-here', { key }));
  const untilHeard = `The owner is told as soon as it is in reach; see: keyhaven returns${answer.detail === undefined ? '' : `\n${answer.detail}`}`;
  say(json, `given back: key ${answer.key}${answer.told ? '' : `\n${untilHeard}`}`, answer);
};

const returns: Listing<z.infer<typeof untold>, object> = {
  topics: ['keys', 'peers'],
  read: async (ask) => untold.parse(await ask('/api/v1/returns')),
  heads: ['KEY', 'PRODUCT', 'OWNER', 'SINCE', 'UNTIL', 'DETAIL'],
  rows: (found) =>
    found.map(({ key, product, licenseManager: { guid, hostname }, since, until, lastFault }) => ({
      id: key,
      cells: [key, product, hostname ?? guid, since, until, lastFault ?? ''],
    })),
  none: 'Every owner knows of what was given back here.',
};
export const returnsCommand = (): Command =>
  withExamples(
    listed(new Command('returns').description('licenses that were given back here and whose owners do not know yet'), returns),
    'keyhaven returns --json',
  );
