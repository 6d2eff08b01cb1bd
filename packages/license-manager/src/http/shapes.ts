import { keyTypes, MAX_ID } from '@keyhaven/core/license';
import { kinds } from '@keyhaven/core/network';
import { z } from 'zod';

// What the admin API answers with (INTERFACES, core/admin). Strict, so that a test sees a field that nobody declared; in the description fields
// that are not declared may join, and readers ignore them.

/** Half of a pair counts as a character. More than twice as many units are never counted. */
const isWithin = (value: string, max: number, min: number): boolean => {
  if (value.length > 2 * max) return false;
  const characters = Array.from(value).length;
  return characters >= min && characters <= max;
};
/**
 * Text of a request with `min` to `max` characters. Characters are those of Unicode, as `minLength` and `maxLength` of a description count them, so that
 * the description is true of every text.
 */
export const limited = (max: number, min = 0, text = z.string()) =>
  text
    .refine((value) => isWithin(value, max, min), min === 0 ? `has more than ${max} characters` : `has not ${min} to ${max} characters`)
    .meta(min === 0 ? { maxLength: max } : { minLength: min, maxLength: max });

export const keyId = z
  .string()
  .regex(/^[1-9]\d{0,19}$/, 'must be a key id')
  .meta({ example: '2622877015606951895' });
/** What people write as a key id, where it is only looked for. */
export const wantedKey = limited(20);
export const withRemote = z
  .enum(['true', 'false'])
  .transform((value) => value === 'true')
  .default(false)
  .meta({ description: 'With the sessions that applications of this computer have on keys of other license managers.' });
export const id = z.int().min(0).max(MAX_ID);
export const moment = z.iso.datetime();
/** Of other computers and people; control characters and all. */
export const said = z.string();
const count = z.int().min(0);

const lmRef = z.strictObject({ guid: said, hostname: said, address: said });
export const keyInfo = z.strictObject({
  key: keyId,
  type: z.enum(keyTypes),
  vendor: count,
  local: z.boolean(),
  licenseManager: lmRef,
  updateCounter: count,
  damage: said.nullable().meta({ description: 'Why the key is not served; null where all is well.' }),
  warnings: z.array(said).optional(),
  memory: z.array(z.strictObject({ file: count, size: count, access: z.enum(['ro', 'rw', 'rwo']) })).optional(),
  sessions: count.optional().meta({ description: 'Of keys of this computer.' }),
  lent: z
    .strictObject({ by: keyId, until: said, owner: z.strictObject({ guid: said, key: keyId }).optional() })
    .optional()
    .meta({ description: 'Its license is lent by that key; `owner` where it was over the network.' }),
  name: said.optional().meta({ description: 'Given on this computer, by an administrator.' }),
  blinking: z.boolean().optional().meta({ description: 'Whether its light blinks; of keys of this computer that can.' }),
});
export const productInfo = z.strictObject({
  product: id,
  name: said,
  key: keyId,
  vendor: count,
  local: z.boolean(),
  features: count,
  detachable: count.nullable().optional().meta({
    description:
      'Seats that may be detached now; null = any number. Absent where the product cannot be detached; of other computers, where they do not lend it over the network.',
  }),
  licenseManager: lmRef,
  seats: count.nullable().meta({ description: 'Of the feature that has fewest; null = any number.' }),
});
/** As it was sold. */
export const soldLicense = z.strictObject({
  type: z.enum(['perpetual', 'expiration', 'period', 'executions']),
  from: said.optional(),
  until: said.optional(),
  days: count.optional(),
  graceDays: count.optional(),
  trial: z.literal(true).optional(),
  count: count.optional(),
});
const license = soldLicense.extend({
  used: count.optional(),
  firstUse: moment.optional(),
  ends: moment.optional(),
  graceEnds: moment.optional(),
});
export const featureInfo = z.strictObject({
  feature: id,
  name: said,
  product: id,
  key: keyId,
  vendor: count,
  local: z.boolean(),
  licenseManager: lmRef,
  license,
  seats: z.strictObject({
    limit: count.nullable(),
    used: count,
    waiting: count,
    peak: count.optional().meta({ description: 'Most at once since the license manager began; of keys of this computer.' }),
  }),
  count: z.enum(['login', 'process', 'station']),
  network: z.boolean(),
  sessions: count.meta({ description: 'All of keys of this computer; of other keys those of applications here.' }),
  detached: count.optional().meta({ description: 'Seats of its product that are detached; of keys of this computer.' }),
  remoteDesktop: z.boolean().optional().meta({ description: 'Of keys of this computer, as the next two.' }),
  virtualMachine: z.boolean().optional(),
  detachable: z.boolean().optional(),
});
export const sessionInfo = z.strictObject({
  id: said,
  key: keyId,
  product: id
    .nullable()
    .meta({ description: 'null where the license manager of the key is of an earlier release, which does not tell it.' }),
  feature: id.nullable().meta({ description: 'Likewise.' }),
  user: said,
  host: said,
  address: said,
  pid: count,
  application: said,
  since: moment,
  seats: count.nullable().meta({ description: 'Likewise.' }),
  local: z.boolean().meta({ description: 'Whether the key is on this computer; else the application is.' }),
  location: said.meta({ description: 'The name of the license manager that holds the key.' }),
  licenseManager: lmRef,
  holder: said.meta({ description: '`local`, or the GUID of the license manager that answers for the application.' }),
  idleRemaining: count.optional().meta({ description: 'Seconds without a call after which it ends.' }),
});
export const peerInfo = z.strictObject({ guid: said, hostname: said, address: said, state: z.enum(['linked', 'lost']), keys: count });
export const status = z.strictObject({
  guid: said,
  name: said,
  version: said,
  uptime: count.meta({ description: 'Seconds.' }),
  tcp: z.array(said),
  udp: z.array(said),
  sessions: count,
  keys: count,
  peers: count,
  state: z
    .enum(['ready', 'degraded', 'not ready'])
    .optional()
    .meta({ description: '`degraded`: it serves, and something needs an administrator.' }),
  reasons: z.array(said).optional().meta({ description: 'Why it is degraded, or not ready.' }),
  adminPort: count.optional(),
  duplicates: z
    .array(z.strictObject({ address: said, host: said.nullable(), proven: z.boolean(), at: moment }))
    .optional()
    .meta({ description: 'Other computers that use the GUID of this one, or say so.' }),
  newId: z.strictObject({ guid: said, waitsFor: count }).optional().meta({ description: 'A new LM id that waits for a start.' }),
  computer: z
    .strictObject({ virtualMachine: said.nullable(), container: said.nullable() })
    .optional()
    .meta({ description: 'The hypervisor and the container that this license manager is in; null: none was found.' }),
});
export const auditRecord = z.strictObject({
  sequence: count,
  at: z.number().meta({ description: 'Milliseconds since 1970.' }),
  kind: said,
  scope: said.meta({ description: 'The key, or `lm`.' }),
  detail: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])),
  hash: z.string().optional().meta({ description: 'SHA-256 in hex of the record and the hash before it; where it was asked for.' }),
});
export const updateResult = z.strictObject({
  key: keyId,
  updateCounter: count,
  ack: said.optional(),
  updates: z
    .array(
      z.strictObject({
        key: keyId,
        updates: count,
        status: count,
        updateCounter: count.optional(),
        name: said.optional(),
        detail: said.optional(),
      }),
    )
    .optional(),
});
export const detachedCopy = z.strictObject({
  key: keyId,
  recipient: said,
  product: id,
  seats: count,
  network: z.boolean(),
  from: moment,
  until: moment,
  freeAt: moment.meta({
    description:
      'The earliest moment at which its seats are free here again without a return. It moves while this license manager does not run.',
  }),
  sequence: count,
  guid: said,
  host: said,
});
export const detachedHere = z.strictObject({
  key: keyId.meta({ description: 'The lent key on this computer.' }),
  product: id,
  until: moment,
  licenseManager: said.meta({ description: 'GUID of the owner.' }),
});
export const returnedHere = z.strictObject({
  key: keyId,
  told: z.boolean().meta({ description: 'false: the owner does not know yet; it is told by itself.' }),
  licenseManager: said.meta({ description: 'GUID of the owner.' }),
  detail: said.optional().meta({ description: 'Why it could not be told now.' }),
});
export const untoldReturn = z.strictObject({
  key: keyId.meta({ description: 'The lent key, which is no more.' }),
  ownerKey: keyId,
  product: id,
  licenseManager: z.strictObject({ guid: said, hostname: said.optional() }),
  since: moment,
  until: moment.meta({ description: 'Two hours after this the owner has its seats again, told or not.' }),
  lastFault: said.optional(),
});
const kind = z.enum(kinds);
export const plan = z.strictObject({
  flows: z.array(
    z.strictObject({
      direction: z.enum(['in', 'out']),
      transport: z.enum(['udp', 'tcp', 'icmpv6', 'dns']),
      kinds: z.array(kind),
      interface: said.optional(),
      remote: z.array(said),
      localPort: count.optional(),
      remotePort: count.optional(),
      reply: z.literal(true).optional(),
      every: said.optional(),
      reason: said,
    }),
  ),
  remarks: z.array(said),
});
export const upcoming = z.strictObject({ kind, to: said, at: moment });
/** Facts of many forms, docs/decisions/0017-doctor.md; `diagnose` of core/doctor makes findings of them. */
export const evidence = z.strictObject({
  self: z.looseObject({ kind: z.enum(['license manager', 'command']), name: said, port: count }),
  known: z.array(z.strictObject({ name: said, guid: said, address: said, linked: z.boolean() })),
  broadcasts: z.array(z.looseObject({ interface: said, family: z.literal([4, 6]), to: said })),
  hosts: z.array(z.looseObject({ asked: said, host: said, port: count, addresses: z.array(z.looseObject({ address: said })) })),
});
export const problem = z.strictObject({
  type: z.string().meta({ description: '`urn:keyhaven:status:<code>`' }),
  title: said,
  status: z.int().meta({ description: 'Of HTTP.' }),
  detail: said.meta({ description: 'What happened, in particular.' }),
  code: z.int().meta({ description: 'Of the catalogue of statuses.' }),
  name: said,
  message: said.meta({ description: 'What happened.' }),
  remedy: said.meta({ description: 'What to do.' }),
  adminPort: z.int().optional(),
});
