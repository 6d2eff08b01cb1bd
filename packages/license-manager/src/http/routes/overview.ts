import { LicensingError, Status } from '@keyhaven/core/errors';
import { z } from 'zod';
import type { HttpFaces } from '../faces.ts';
import { healthOf } from '../health.ts';
import { answers, type Route, route } from '../route.ts';
import {
  auditRecord,
  featureInfo,
  keyInfo,
  limited,
  peerInfo,
  productInfo,
  sessionInfo,
  status,
  wantedKey,
  withRemote,
} from '../shapes.ts';

// What is here and what is known of others, whole (INTERFACES); lists that grow have pages in lists.ts.

/** BOUNDED: rows of a list that is answered whole. */
const MAX_WHOLE = 10_000;

/** @throws LicensingError where they are too many */
const whole = <T>(rows: readonly T[], name: string): readonly T[] => {
  if (rows.length <= MAX_WHOLE) return rows;
  throw new LicensingError(Status.REQ_NOT_SUPP, {
    detail: `${rows.length} rows are too many for one answer.`,
    remedy: `Ask for pages of them: /api/v1/list/${name}.`,
  });
};

export const overviewRoutes = (faces: HttpFaces): Route[] => {
  const { overview } = faces;
  const get = { method: 'GET', need: 'read' } as const;
  return [
    route({
      ...get,
      url: '/api/v1/status',
      summary: 'The license manager itself',
      answer: answers(status),
      run: async () => ({ ...faces.status(), ...(await healthOf(faces.records, true)) }),
    }),
    route({
      ...get,
      url: '/api/v1/keys',
      summary: 'Protection keys, here and on the network',
      answer: answers(z.array(keyInfo)),
      run: () => faces.fresh().then(() => whole(overview.keys(), 'keys')),
    }),
    route({
      ...get,
      url: '/api/v1/products',
      summary: 'Products in the keys',
      answer: answers(z.array(productInfo)),
      run: () => faces.fresh().then(() => whole(overview.products(), 'products')),
    }),
    route({
      ...get,
      url: '/api/v1/features',
      summary: 'Features, their licenses and seats',
      answer: answers(z.array(featureInfo)),
      run: async () => {
        await faces.fresh();
        return whole(await overview.features(), 'features');
      },
    }),
    route({
      ...get,
      url: '/api/v1/sessions',
      summary: 'Who uses what',
      query: z.strictObject({ remote: withRemote }),
      answer: answers(z.array(sessionInfo)),
      run: ({ query }) => whole(overview.sessions(query.remote ? 'all' : 'keys here'), 'sessions'),
    }),
    route({
      ...get,
      url: '/api/v1/peers',
      summary: 'Other license managers',
      answer: answers(z.array(peerInfo)),
      run: () => overview.peers(),
    }),
    route({
      ...get,
      url: '/api/v1/audit',
      summary: 'Grants, refusals with their cause, and administrative acts; newest first',
      query: z.strictObject({
        kind: limited(40).optional(),
        key: wantedKey.optional(),
        limit: z.coerce.number().int().min(1).max(10_000).default(100),
        before: z.coerce.number().int().min(1).optional().meta({ description: 'Only records with a lower number.' }),
        hashes: z.enum(['true', 'false']).default('false').meta({ description: 'With the hash that chains each record.' }),
      }),
      answer: answers(z.array(auditRecord)),
      run: ({ query: { kind, key, limit, before, hashes } }) =>
        faces.audit({
          limit,
          hashes: hashes === 'true',
          ...(before === undefined ? {} : { before }),
          ...(kind === undefined ? {} : { kind }),
          ...(key === undefined ? {} : { scope: key }),
        }),
    }),
  ];
};
