import { LicensingError, Status } from '@keyhaven/core/errors';
import { MAX_ID, MAX_SEATS } from '@keyhaven/core/license';
import type { FastifyInstance } from 'fastify';
import { z } from 'zod';
import type { Transfers } from '../transfer/index.ts';

// Detach, return and rehost for administrators (K5, C4). Registered behind the gate of server.ts.

const key = z.string().regex(/^[1-9]\d{0,19}$/, 'must be a key id');
/** BOUNDED: the text of an ID. */
const recipient = z.string().max(16 * 1024);
const detach = z.strictObject({
  key,
  product: z.int().min(0).max(MAX_ID),
  recipient,
  duration: z.int().optional(),
  seats: z.int().min(1).max(MAX_SEATS).optional(),
});
const recipientOf = z.union([z.strictObject({ key }), z.strictObject({ type: z.literal('sl-adminmode').default('sl-adminmode') })]);

const parsed = <T>(schema: z.ZodType<T>, body: unknown): T => {
  const result = schema.safeParse(body);
  if (result.success) return result.data;
  throw new LicensingError(Status.INVALID_PARAMETER, {
    detail: result.error.issues.map(({ path, message }) => `${path.join('.') || 'the request'}: ${message}`).join('; '),
  });
};

export const transferRoutes = (admin: FastifyInstance, transfers: Transfers): void => {
  admin.get('/api/v1/detached', async () => transfers.detached());
  admin.post('/api/v1/recipient', async (request, reply) =>
    reply.type('text/plain').send(await transfers.recipient(parsed(recipientOf, request.body ?? {}))),
  );
  admin.post('/api/v1/detach', async (request, reply) => {
    const { duration, ...wish } = parsed(detach, request.body);
    return reply.type('text/plain').send(await transfers.detach({ ...wish, seconds: duration, by: 'administrator' }));
  });
  admin.post('/api/v1/return', async (request, reply) => {
    const wish = parsed(z.strictObject({ key }), request.body);
    return reply.type('text/plain').send(await transfers.giveBack(wish.key));
  });
  admin.post('/api/v1/rehost', async (request, reply) => {
    const wish = parsed(z.strictObject({ key, recipient }), request.body);
    return reply.type('text/plain').send(await transfers.rehost(wish.key, wish.recipient));
  });
};
