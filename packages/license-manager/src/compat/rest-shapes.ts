import { z } from 'zod';

// The models of the REST licensing API as the description has them (C6). What is answered is written exactly, with whole numbers of 64 bits.

const int64 = z.any().meta({ type: 'integer', format: 'int64' });
const text = z.string();
const whole = z.int32();
const flag = z.boolean();
const page = <T extends z.ZodType>(names: string, name: string, of: T) =>
  z.object({ [names]: z.object({ count: whole, [name]: z.array(of) }) });

/** With 0 it is no refusal, and all that a logout says. */
export const restRefusal = z.object({ errorCode: whole.meta({ description: 'docs/errors.md' }), message: text });

export const restSession = restRefusal.extend({
  sessionId: text,
  sessionInfo: z.object({ currentlogins: whole, idleTimeout: whole.meta({ description: 'Seconds.' }) }),
  featureId: whole,
  productId: whole,
  keyId: int64,
  lmAccessToken: text
    .optional()
    .meta({ description: 'Goes on with this session as a Bearer token, from the same address; by TLS and on this computer only.' }),
});
export const restContent = restRefusal.extend({ content: text.meta({ contentEncoding: 'base64' }) });

/** As a client sends it; `rest-login.ts` reads it. */
export const restLogin = z.object({
  featureId: whole.min(0),
  clientInfo: z.object({ domainName: text, hostName: text, userName: text, machineId: text, processId: text }).partial().optional(),
  scope: z
    .object({ keyId: z.array(int64), productId: z.array(whole) })
    .partial()
    .optional(),
  dieAtExpiration: flag.optional(),
  executionCountToConsume: whole.min(0).optional(),
  networkSeatsToConsume: whole.min(0).optional(),
});

const license = z.object({
  type: text,
  totalCounter: whole.optional(),
  currentCounter: whole.optional(),
  totalDuration: whole.optional(),
  expirationDateTime: text.optional(),
  startDateTime: text.optional(),
});
export const restLists = {
  keys: page(
    'keys',
    'key',
    z.object({
      keyId: int64,
      type: text,
      keyType: text,
      configuration: text,
      attached: flag,
      cloneProtected: flag,
      detachable: flag,
      disabled: flag,
      driverless: flag,
      fingerprintChanged: flag,
      updateCounter: whole,
      vclockEnabled: flag,
    }),
  ),
  products: page(
    'products',
    'product',
    z.object({ productId: whole, keyId: int64, name: text, cloneProtected: flag, detachable: flag, fingerprintChanged: flag }),
  ),
  features: page(
    'features',
    'feature',
    z.object({
      featureId: whole,
      productId: whole,
      keyId: int64,
      name: text,
      concurrency: z.object({ count: text, export: text, seats: whole }),
      licenseInfo: license,
      detachable: flag,
      disabled: flag,
      expired: flag,
      locked: flag,
      usable: flag,
      vmenabled: flag,
    }),
  ),
} as const;
