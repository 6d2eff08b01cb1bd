import { MAX_SEATS } from '@keyhaven/core/license';
import { z } from 'zod';
import type { OnlineTransfers } from '../../transfer/index.ts';
import { answers, json, type Route, route } from '../route.ts';
import { detachedHere, id, keyId as key, limited, returnedHere, untoldReturn } from '../shapes.ts';

// Detaching to this computer over the network, and giving back (K5, docs/decisions/0025-detach-online.md).

/** Seconds that the link has room for. */
const duration = z.int().min(1).max(0xffff_ffff).optional().meta({ description: 'Seconds; a day where absent.' });

export const onlineTransferRoutes = (online: OnlineTransfers): Route[] => [
  route({
    method: 'POST',
    url: '/api/v1/detach-here',
    need: 'write',
    summary: 'Detaches a product of another computer to this one over the network, or extends what it has lent',
    body: json(
      z.union([
        z.strictObject({
          licenseManager: limited(40).meta({ maxLength: 40, description: 'GUID of the owner.' }),
          key,
          product: id,
          duration,
          seats: z.int().min(1).max(MAX_SEATS).optional(),
        }),
        z.strictObject({ key: key.meta({ description: 'The lent key on this computer.' }), duration }),
      ]),
    ),
    answer: answers(detachedHere),
    run: ({ body }) => online.detach(body),
  }),
  route({
    method: 'POST',
    url: '/api/v1/return-here',
    need: 'write',
    summary: 'Gives a lent license back and tells its owner over the network, now or as soon as it is in reach',
    body: json(z.strictObject({ key })),
    answer: answers(returnedHere),
    run: ({ body }) => online.giveBack(body.key),
  }),
  route({
    method: 'GET',
    url: '/api/v1/returns',
    need: 'read',
    summary: 'Licenses that were given back here and whose owners do not know yet',
    answer: answers(z.array(untoldReturn)),
    run: () => online.untold(),
  }),
];
