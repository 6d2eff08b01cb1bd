import { MAX_ID } from '@keyhaven/core/license';
import { z } from 'zod';
import { limited, problem } from '../http/shapes.ts';

// The models of the REST licensing API as the description has them (C6). What is answered is written exactly, with whole numbers of 64 bits.

const int64 = z.any().meta({ type: 'integer', format: 'int64' });
const text = z.string();
const whole = z.int32();
const flag = z.boolean();
const page = <T extends z.ZodType>(names: string, name: string, of: T) =>
  z.object({ [names]: z.object({ count: whole, [name]: z.array(of) }) });

/** All that a logout says; `errorCode` is 0. */
export const restDone = z.object({ errorCode: whole.meta({ description: 'docs/errors.md' }), message: text });
/** A refusal: problem details with `errorCode`, which is their `code`. */
export const restProblem = problem.extend(restDone.shape);

export const restSession = restDone.extend({
  sessionId: text,
  sessionInfo: z.object({ currentlogins: whole, idleTimeout: whole.meta({ description: 'Seconds.' }) }),
  featureId: whole,
  productId: whole,
  keyId: int64,
  lmAccessToken: text
    .optional()
    .meta({ description: 'Goes on with this session as a Bearer token, from the same address; by TLS and on this computer only.' }),
});
export const restContent = restDone.extend({ content: text.meta({ contentEncoding: 'base64' }) });

/** BOUNDED: what a login may say: characters of a name and of the id of a process, keys and products of a scope, executions, seats. */
export const MAX_SENT = 1_000;
export const MAX_PROCESS = 20;
export const MAX_SCOPE = 1_000;
export const MAX_COUNT = 0xffff_ffff;
export const MAX_SEATS = 0xffff;

const name = limited(MAX_SENT).nullable();
/** As a client sends it; `rest-login.ts` reads it. */
export const restLogin = z.object({
  featureId: z.int().min(0).max(MAX_ID),
  clientInfo: z
    .object({
      domainName: name,
      hostName: name,
      userName: name,
      machineId: name,
      processId: z.union([z.int(), limited(MAX_PROCESS)]).nullable(),
    })
    .partial()
    .nullish(),
  scope: z
    .object({ keyId: z.array(int64).max(MAX_SCOPE).nullable(), productId: z.array(z.int().min(0).max(MAX_ID)).max(MAX_SCOPE).nullable() })
    .partial()
    .nullish(),
  dieAtExpiration: flag.nullish(),
  executionCountToConsume: z.int().min(0).max(MAX_COUNT).nullish(),
  networkSeatsToConsume: z.int().min(0).max(MAX_SEATS).nullish(),
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
