import { MAX_SEATS } from '@keyhaven/core/license';
import { z } from 'zod';
import type { Transfers } from '../../transfer/index.ts';
import { answers, json, type Route, route, says } from '../route.ts';
import { detachedCopy, id, keyId as key, limited } from '../shapes.ts';

// Detach, return and rehost for administrators (K5, C4).

/** BOUNDED: the text of an ID. */
const recipient = limited(16 * 1024);

export const transferRoutes = (transfers: Transfers): Route[] => {
  const write = { method: 'POST', need: 'write' } as const;
  return [
    route({
      method: 'GET',
      url: '/api/v1/detached',
      need: 'read',
      summary: 'Licenses of the keys here that are lent to other computers',
      answer: answers(z.array(detachedCopy)),
      run: () => transfers.detached(),
    }),
    route({
      ...write,
      url: '/api/v1/recipient',
      summary: 'An ID of this computer for detach and rehost, or of a lent key that is to be extended',
      body: json(z.union([z.strictObject({ key }), z.strictObject({ type: z.literal('sl-adminmode').default('sl-adminmode') })]), {
        optional: true,
      }),
      answer: says('text/plain', 'An ID.'),
      run: ({ body }) => transfers.recipient(body),
    }),
    route({
      ...write,
      url: '/api/v1/detach',
      summary: 'Lends a product to another computer; an ID of a lent key extends it',
      body: json(
        z.strictObject({
          key,
          product: id,
          recipient,
          duration: z.int().optional().meta({ description: 'Seconds; a day where absent.' }),
          seats: z.int().min(1).max(MAX_SEATS).optional(),
        }),
      ),
      answer: says('text/plain', 'An H2R.'),
      run({ body: { duration, ...wish } }) {
        return transfers.detach({ ...wish, seconds: duration, by: 'administrator' });
      },
    }),
    route({
      ...write,
      url: '/api/v1/return',
      summary: 'Gives a lent license back before its end',
      body: json(z.strictObject({ key })),
      answer: says('text/plain', 'An R2H.'),
      run: ({ body }) => transfers.giveBack(body.key),
    }),
    route({
      ...write,
      url: '/api/v1/rehost',
      summary: 'Moves a key to another computer',
      body: json(z.strictObject({ key, recipient })),
      answer: says('text/plain', 'An H2H.'),
      run: ({ body }) => transfers.rehost(body.key, body.recipient),
    }),
  ];
};
