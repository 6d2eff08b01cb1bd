import { keyTypes } from '@keyhaven/core/license';
import { z } from 'zod';
import type { HttpFaces } from '../faces.ts';
import { page, pageOf, pageQuery } from '../paging.ts';
import { answers, type Route, route } from '../route.ts';
import { auditRecord, featureInfo, keyInfo, limited, peerInfo, productInfo, sessionInfo, wantedKey, withRemote } from '../shapes.ts';

// The lists of the admin API in pages, with filters (C4). Of the audit the latest 10,000 records that match its kind and key.

/** BOUNDED: records of the audit that are looked through. */
const MAX_AUDIT = 10_000;
const whole = z.coerce.number().int().min(0);
const flag = z.enum(['true', 'false']).transform((value) => value === 'true');
/** Nothing asked for, or exactly that. */
const is = <T>(wanted: T | undefined, value: T): boolean => wanted === undefined || wanted === value;

export const listRoutes = (faces: HttpFaces): Route[] => {
  const { overview } = faces;
  const get = { method: 'GET', need: 'read' } as const;
  return [
    route({
      ...get,
      url: '/api/v1/list/sessions',
      summary: 'Who uses what, in pages',
      query: z.strictObject({
        ...pageQuery,
        remote: withRemote,
        key: wantedKey.optional(),
        product: whole.optional(),
        feature: whole.optional(),
        user: limited(200).optional(),
        host: limited(200).optional(),
        sort: z.enum(['since', 'user', 'host', 'application', 'feature', 'key']).default('since'),
      }),
      answer: answers(page(sessionInfo)),
      run({ query }) {
        const { key, product, feature, user, host, sort } = query;
        const found = pageOf(overview.listedSessions(query.remote ? 'all' : 'keys here'), query, {
          matches: ({ pool, row }) =>
            is(key, pool.key) && is(product, pool.product) && is(feature, pool.feature) && is(user, row.user) && is(host, row.host),
          valueOf: ({ pool, row }) => (sort === 'key' ? pool.key : sort === 'feature' ? (pool.feature ?? -1) : row[sort]),
          idOf: ({ id }) => id,
          texts: ({ id, pool, row }) => [row.user, row.host, row.application, row.address, pool.key, pool.feature ?? '', id],
        });
        return { ...found, items: found.items.map(overview.sessionInfo) };
      },
    }),
    route({
      ...get,
      url: '/api/v1/list/keys',
      summary: 'Protection keys, in pages',
      query: z.strictObject({
        ...pageQuery,
        vendor: whole.optional(),
        type: z.enum(keyTypes).optional(),
        local: flag.optional(),
        sort: z.enum(['key', 'vendor', 'type']).default('key'),
      }),
      answer: answers(page(keyInfo)),
      async run({ query }) {
        await faces.fresh();
        return pageOf(overview.keys(), query, {
          matches: (each) => is(query.vendor, each.vendor) && is(query.type, each.type) && is(query.local, each.local),
          valueOf: (each) => each[query.sort],
          idOf: ({ key, licenseManager }) => `${key} ${licenseManager.guid}`,
          texts: ({ key, name = '', type, vendor, licenseManager: { hostname, address } }) => [key, name, type, vendor, hostname, address],
        });
      },
    }),
    route({
      ...get,
      url: '/api/v1/list/products',
      summary: 'Products, in pages',
      query: z.strictObject({
        ...pageQuery,
        key: wantedKey.optional(),
        vendor: whole.optional(),
        local: flag.optional(),
        sort: z.enum(['product', 'name', 'key', 'vendor']).default('product'),
      }),
      answer: answers(page(productInfo)),
      async run({ query }) {
        await faces.fresh();
        return pageOf(overview.products(), query, {
          matches: (each) => is(query.key, each.key) && is(query.vendor, each.vendor) && is(query.local, each.local),
          valueOf: (each) => each[query.sort],
          idOf: ({ key, product }) => `${key} ${product}`,
          texts: ({ key, name, product, vendor }) => [name, key, product, vendor],
        });
      },
    }),
    route({
      ...get,
      url: '/api/v1/list/features',
      summary: 'Features, their licenses and seats, in pages',
      query: z.strictObject({
        ...pageQuery,
        key: wantedKey.optional(),
        vendor: whole.optional(),
        product: whole.optional(),
        feature: whole.optional(),
        local: flag.optional(),
        sort: z.enum(['feature', 'name', 'product', 'key', 'used', 'ends']).default('feature'),
      }),
      answer: answers(page(featureInfo)),
      async run({ query }) {
        await faces.fresh();
        const { key, vendor, product, feature, local, sort } = query;
        return pageOf(await overview.features(), query, {
          matches: (each) =>
            is(key, each.key) && is(vendor, each.vendor) && is(product, each.product) && is(feature, each.feature) && is(local, each.local),
          // What never ends comes after everything that does.
          valueOf: (each) => (sort === 'used' ? each.seats.used : sort === 'ends' ? (each.license.ends ?? '~') : each[sort]),
          idOf: (each) => `${each.key} ${each.product} ${each.feature} ${each.licenseManager.guid}`,
          texts: (each) => [each.name, each.feature, each.product, each.key, each.licenseManager.hostname],
        });
      },
    }),
    route({
      ...get,
      url: '/api/v1/list/peers',
      summary: 'Other license managers, in pages',
      query: z.strictObject({
        ...pageQuery,
        state: z.enum(['linked', 'lost']).optional(),
        sort: z.enum(['hostname', 'address', 'keys']).default('hostname'),
      }),
      answer: answers(page(peerInfo)),
      run: ({ query }) =>
        pageOf(overview.peers(), query, {
          matches: ({ state }) => is(query.state, state),
          valueOf: (each) => each[query.sort],
          idOf: ({ guid }) => guid,
          texts: ({ hostname, address, guid }) => [hostname, address, guid],
        }),
    }),
    route({
      ...get,
      url: '/api/v1/list/audit',
      summary: 'Grants, refusals and administrative acts, in pages; `kind=refused` is who was refused, and why',
      query: z.strictObject({
        ...pageQuery,
        order: z.enum(['asc', 'desc']).default('desc'),
        kind: limited(40).optional(),
        key: wantedKey.optional(),
        user: limited(200).optional(),
        host: limited(200).optional(),
        feature: whole.optional(),
      }),
      answer: answers(page(auditRecord)),
      async run({ query }) {
        const { kind, key, user, host, feature } = query;
        const records = await faces.audit({
          limit: MAX_AUDIT,
          ...(kind === undefined ? {} : { kind }),
          ...(key === undefined ? {} : { scope: key }),
        });
        return pageOf(records, query, {
          matches: ({ detail }) => is(user, detail['user']) && is(host, detail['host']) && is(feature, detail['feature']),
          valueOf: ({ sequence }) => sequence,
          idOf: () => '',
          texts: (record) => [record.kind, record.scope, ...Object.values(record.detail).map(String)],
        });
      },
    }),
  ];
};
