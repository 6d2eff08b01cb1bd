import { Buffer } from 'node:buffer';
import { fromBase64 } from '@keyhaven/core/bytes';
import { componentKinds, type Protection, type Scheme, schemeNames } from '@keyhaven/core/fingerprint';
import { type Feature, type License, MAX_EXECUTIONS, MAX_ID, MAX_SEATS, type MemorySizes } from '@keyhaven/core/license';
import { z } from 'zod';

// The shape of catalog.yaml. Strict: unknown fields are faults. What later versions bring is refused by name, so that nobody sells
// what the key would not enforce.

/** A product as the vendor sells it: what goes into the certificate, and the contents of its memory. */
export type CatalogProduct = {
  readonly id: number;
  readonly name: string;
  readonly features: readonly Feature[];
  readonly memory: MemorySizes;
  readonly protection?: Protection;
  readonly readOnlyData?: Uint8Array;
  readonly readWriteData?: Uint8Array;
};
export type Catalog = { readonly products: readonly CatalogProduct[] };

const MAX_READ_WRITE = 4_032;
const MAX_READ_ONLY = 2_048;

const whole = (min: number, max: number) =>
  z.custom<number>((value) => typeof value === 'number' && Number.isSafeInteger(value) && value >= min && value <= max, {
    error: `must be a whole number from ${min} to ${max}`,
  });
const flag = z.boolean({ error: 'must be true or false' });
const name = z
  .string({ error: 'must be a text; put it in quotes where it looks like a number' })
  .min(1, { error: 'must not be empty' })
  .max(50, { error: 'must have at most 50 characters' });
const shape = (wanted: string) => ({
  error: (issue: { code?: string | undefined }) => (issue.code === 'invalid_type' ? wanted : undefined),
});
/** Refuses a field that a later version brings. */
const notYet = (what: string) =>
  z.custom<undefined>((value) => value === undefined, { error: `${what} come with a later version` }).optional();

const DATE = /^\d{4}-\d\d-\d\d$/;
const MOMENT = /^(\d{4}-\d\d-\d\d)[T ](\d\d:\d\d(?::\d\d)?)(Z|[+-]\d\d:\d\d)$/;
/** The date or moment in UTC; undefined where it does not exist. */
const toMoment = (text: string): string | undefined => {
  const [, day = text, time = '23:59:59.999', zone = 'Z'] = MOMENT.exec(text) ?? [];
  const midnight = Date.parse(`${day}T00:00:00Z`);
  const at = Date.parse(`${day}T${time}${zone}`);
  if (!DATE.test(day) || Number.isNaN(at) || !new Date(midnight).toISOString().startsWith(day) || time.startsWith('24')) return undefined;
  return new Date(at).toISOString().replace('.000Z', 'Z');
};
const until = z
  .string({ error: 'must be a date such as 2027-12-31 or a moment such as 2027-12-31T18:00:00Z' })
  .transform((text, context): string => {
    const moment = toMoment(text);
    const year = Number(moment?.slice(0, 4));
    if (moment !== undefined && year >= 1980 && year <= 2091) return moment;
    context.addIssue(
      moment === undefined
        ? 'must be a date such as 2027-12-31 or a moment with its time zone such as 2027-12-31T18:00:00Z'
        : 'must be from 1980-01-01 to 2091-12-31',
    );
    return z.NEVER;
  });

const from = notYet('start dates');
const period = z
  .looseObject({ type: z.literal('period') })
  .superRefine((_, context) => context.addIssue('licenses of type period come with a later version'));
const license = z
  .discriminatedUnion(
    'type',
    [
      z.strictObject({ type: z.literal('perpetual'), from }),
      z.strictObject({ type: z.literal('expiration'), until, from }),
      z.strictObject({ type: z.literal('executions'), count: whole(1, MAX_EXECUTIONS), from }),
      period,
    ],
    { error: 'must be {type: perpetual}, {type: expiration, until: DATE} or {type: executions, count: N}' },
  )
  .transform((terms): License => {
    switch (terms.type) {
      case 'perpetual':
      case 'period':
        return { type: 'perpetual' };
      case 'expiration':
        return { type: terms.type, until: terms.until };
      case 'executions':
        return { type: terms.type, count: terms.count };
    }
  });

/** What a feature gets that says nothing of concurrency: local use without counting. */
const open = { seats: 'unlimited', count: 'login', network: false, remoteDesktop: false, virtualMachine: true } as const;
const concurrency = z.strictObject(
  {
    seats: z
      .custom<number | 'unlimited'>((value) => value === 'unlimited' || whole(1, MAX_SEATS).safeParse(value).success, {
        error: `must be a whole number from 1 to ${MAX_SEATS}, or unlimited`,
      })
      .default(open.seats),
    count: z.enum(['login', 'process', 'station'], { error: 'must be login, process or station' }).default(open.count),
    network: flag.default(open.network),
    remoteDesktop: flag.default(open.remoteDesktop),
    virtualMachine: flag.default(open.virtualMachine),
  },
  shape('must be fields such as {seats: 5, count: login}'),
);

const feature = z
  .strictObject(
    { id: whole(1, MAX_ID), name: name.optional(), license, concurrency: concurrency.default(open), detachable: flag.default(false) },
    shape('must be a feature with id and license'),
  )
  .superRefine((value, context) => {
    if (value.detachable && value.license.type === 'executions') {
      context.addIssue({ code: 'custom', path: ['detachable'], message: 'must be false where executions are counted' });
    }
  })
  .transform((value): Feature => ({ ...value, name: value.name ?? `Feature ${value.id}` }));

// YAML reads 0001 and 1e10 as numbers.
const quoted = z.string({ error: 'must be in quotes' });
const contents = z
  .strictObject(
    { text: quoted.optional(), hex: quoted.optional(), base64: quoted.optional() },
    shape('must be {text: ...}, {hex: ...} or {base64: ...}'),
  )
  .transform((value, context): Buffer => {
    const { text, hex, base64 } = value;
    const bytes = [
      text === undefined ? [] : [Buffer.from(text, 'utf8')],
      hex === undefined ? [] : [/^([0-9a-f]{2})*$/i.test(hex) ? Buffer.from(hex, 'hex') : undefined],
      base64 === undefined ? [] : [fromBase64(base64.replaceAll(/\s/g, ''))],
    ].flat();
    const [only] = bytes;
    if (only !== undefined && bytes.length === 1) return only;
    context.addIssue(bytes.length === 1 ? 'must be valid hex or base64' : 'must be exactly one of text, hex and base64');
    return z.NEVER;
  });
const memory = z
  .strictObject(
    {
      readWrite: whole(0, MAX_READ_WRITE).default(MAX_READ_WRITE),
      readOnly: whole(0, MAX_READ_ONLY).default(MAX_READ_ONLY),
      dynamic: z
        .array(z.unknown(), { error: 'must be a list' })
        .max(0, { error: 'dynamic memory files come with a later version; leave the list empty' })
        .default([]),
      readOnlyData: contents.optional(),
      readWriteData: contents.optional(),
    },
    shape('must be fields such as {readWrite: 4032, readOnly: 2048}'),
  )
  .superRefine((value, context) => {
    for (const file of ['readOnly', 'readWrite'] as const) {
      const size = value[`${file}Data`]?.length ?? 0;
      if (size > value[file]) {
        context.addIssue({ code: 'custom', path: [`${file}Data`], message: `has ${size} bytes, but ${file} is ${value[file]} only` });
      }
    }
  });

const criterion = z.enum(componentKinds, { error: `must be one of ${componentKinds.join(', ')}` });
const custom = z
  .strictObject(
    {
      criteria: z.array(criterion, { error: 'must be a list of components' }).min(1, { error: 'must name a component' }),
      minimum: whole(1, componentKinds.length),
    },
    shape('must be {criteria: [...], minimum: N}'),
  )
  .superRefine(({ criteria, minimum }, context) => {
    if (new Set(criteria).size < criteria.length)
      context.addIssue({ code: 'custom', path: ['criteria'], message: 'names a component twice' });
    if (minimum > criteria.length) context.addIssue({ code: 'custom', path: ['minimum'], message: 'is more than the criteria named' });
  });
const scheme = (names: readonly (typeof schemeNames)[number][]) =>
  z
    .union([z.enum(names), custom], { error: `must be ${names.join(', ')}, or {criteria: [...], minimum: N}` })
    .default('PlatformDefault')
    .transform((value): Scheme => value);
const protection = z.strictObject(
  {
    physical: scheme(schemeNames.filter((each) => each !== 'VMType1')),
    virtual: scheme(schemeNames.filter((each) => each !== 'PMType1' && each !== 'PMType2')),
  },
  shape('must be fields such as {physical: PMType2, virtual: VMType1}'),
);

/** Faults where an id is there a second time. */
const distinctIds = (items: readonly { readonly id: number }[], context: z.RefinementCtx): void => {
  const seen = new Set<number>();
  for (const [index, { id }] of items.entries()) {
    if (seen.has(id)) context.addIssue({ code: 'custom', path: [index, 'id'], message: `the id ${id} is there twice` });
    seen.add(id);
  }
};

const product = z
  .strictObject(
    {
      id: whole(0, MAX_ID),
      name: name.optional(),
      features: z
        .array(feature, { error: 'must be a list of features' })
        .max(4_096, { error: 'must have at most 4096 entries' })
        .superRefine(distinctIds),
      memory: memory.default({ readWrite: MAX_READ_WRITE, readOnly: MAX_READ_ONLY, dynamic: [] }),
      protection: protection.optional(),
    },
    shape('must be a product with id, name and features'),
  )
  .transform(
    ({ memory: { readWrite, readOnly, readOnlyData, readWriteData }, ...value }): CatalogProduct => ({
      id: value.id,
      name: value.name ?? `Product ${value.id}`,
      features: value.features,
      memory: { readWrite, readOnly },
      ...(value.protection === undefined ? {} : { protection: value.protection }),
      ...(readOnlyData === undefined ? {} : { readOnlyData }),
      ...(readWriteData === undefined ? {} : { readWriteData }),
    }),
  );

export const catalogSchema = z.strictObject(
  {
    products: z
      .array(product, { error: 'must be a list of products' })
      .max(1_024, { error: 'must have at most 1024 entries' })
      .superRefine(distinctIds),
  },
  shape('must be a catalog with a list of products'),
);
