import { componentKinds, isFor, type Protection, type Scheme, schemeNames } from '@keyhaven/core/fingerprint';
import { type Feature, MAX_DETACH_DAYS, MAX_ID, MAX_SEATS, type MemorySizes } from '@keyhaven/core/license';
import { z } from 'zod';
import { MAX_READ_ONLY, MAX_READ_WRITE, memory } from './catalog-memory.ts';
import { distinctIds, shape } from './catalog-words.ts';
import { license, whole, wholeDays } from './license-schema.ts';

// The shape of catalog.yaml. Strict: unknown fields are faults. What later versions bring is refused by name, so that nobody sells
// what the key would not enforce.

/** A product as the vendor sells it: what goes into the certificate, and the contents of its memory. */
export type CatalogProduct = {
  readonly id: number;
  readonly name: string;
  readonly features: readonly Feature[];
  readonly memory: MemorySizes;
  readonly protection?: Protection;
  /** A key with nothing but such products may move to another computer without its vendor (K5); absent = no. */
  readonly rehost?: true;
  readonly readOnlyData?: Uint8Array;
  readonly readWriteData?: Uint8Array;
  /** Contents of dynamic files. */
  readonly dynamicData?: readonly { readonly id: number; readonly data: Uint8Array }[];
};
export type Catalog = { readonly products: readonly CatalogProduct[] };

export const flag = z.boolean({ error: 'must be true or false' });
export const name = z
  .string({ error: 'must be a text; put it in quotes where it looks like a number' })
  .min(1, { error: 'must not be empty' })
  .max(50, { error: 'must have at most 50 characters' });
/** What a feature gets that says nothing of concurrency: local use without counting. */
const open = { seats: 'unlimited', count: 'login', network: false, remoteDesktop: false, virtualMachine: true } as const;
export const concurrency = z.strictObject(
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
    {
      id: whole(1, MAX_ID),
      name: name.optional(),
      license,
      concurrency: concurrency.default(open),
      detachable: flag.default(false),
      detachDays: wholeDays(MAX_DETACH_DAYS).optional(),
    },
    shape('must be a feature with id and license'),
  )
  .superRefine((value, context) => {
    if (value.detachable && (value.license.type === 'executions' || value.license.type === 'period')) {
      const counted = value.license.type === 'executions' ? 'executions are counted' : 'days count from the first use';
      context.addIssue({ code: 'custom', path: ['detachable'], message: `must be false where ${counted}` });
    }
    if (value.detachDays !== undefined && !value.detachable)
      context.addIssue({ code: 'custom', path: ['detachDays'], message: 'is for features with detachable: true' });
  })
  .transform(
    ({ detachDays, ...value }): Feature => ({
      ...value,
      name: value.name ?? `Feature ${value.id}`,
      ...(detachDays === undefined ? {} : { detachDays }),
    }),
  );

/** As it is where it cannot be detached at all. */
export const undetachable = (feature: Feature): Feature => {
  const { detachDays: _, ...rest } = feature;
  return { ...rest, detachable: false };
};

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
    physical: scheme(schemeNames.filter((each) => isFor('physical', each))),
    virtual: scheme(schemeNames.filter((each) => isFor('virtual', each))),
  },
  shape('must be fields such as {physical: PMType2, virtual: VMType1}'),
);

const dataOf = (files: readonly { readonly id: number; readonly data?: Uint8Array | undefined }[]): Pick<CatalogProduct, 'dynamicData'> => {
  const dynamicData = files.flatMap(({ id, data }) => (data === undefined ? [] : [{ id, data }]));
  return dynamicData.length === 0 ? {} : { dynamicData };
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
      rehost: flag.default(false),
    },
    shape('must be a product with id, name and features'),
  )
  .transform(
    ({ memory: { readWrite, readOnly, dynamic, readOnlyData, readWriteData }, ...value }): CatalogProduct => ({
      id: value.id,
      name: value.name ?? `Product ${value.id}`,
      features: value.features,
      memory: {
        readWrite,
        readOnly,
        ...(dynamic.length === 0 ? {} : { dynamic: dynamic.map(({ id, size, access }) => ({ id, size, access })) }),
      },
      ...dataOf(dynamic),
      ...(value.protection === undefined ? {} : { protection: value.protection }),
      ...(value.rehost ? { rehost: true as const } : {}),
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
