import type { Buffer } from 'node:buffer';
import { parseExactJson } from '@keyhaven/core/compat';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { MAX_ID } from '@keyhaven/core/license';
import { z } from 'zod';
import { parsed } from '../http/bodies.ts';
import { limited } from '../http/shapes.ts';
import type { Asker } from './rest-identity.ts';
import type { RestLoginCall } from './rest-sessions.ts';
import { MAX_COUNT, MAX_PROCESS, MAX_SCOPE, MAX_SEATS, MAX_SENT } from './rest-shapes.ts';

// The body of a login through the REST licensing API. Fields that nobody knows are passed over, for clients of other versions send them.

/** BOUNDED: characters of what a client says about itself. */
const MAX_NAME = 80;
const name = limited(MAX_SENT).nullish();
const keyId = z.union([z.int().min(1), z.string().regex(/^[1-9]\d{0,19}$/)]).transform(String);
const count = z.int().min(0).max(MAX_COUNT).nullish();

const loginBody = z.object({
  featureId: z.int().min(0).max(MAX_ID),
  clientInfo: z
    .object({
      domainName: name,
      hostName: name,
      userName: name,
      machineId: name,
      processId: z.union([z.int(), limited(MAX_PROCESS)]).nullish(),
    })
    .nullish(),
  scope: z
    .object({ keyId: z.array(keyId).max(MAX_SCOPE).nullish(), productId: z.array(z.int().min(0).max(MAX_ID)).max(MAX_SCOPE).nullish() })
    .nullish(),
  dieAtExpiration: z.boolean().nullish(),
  executionCountToConsume: count,
  networkSeatsToConsume: z.int().min(0).max(MAX_SEATS).nullish(),
});

const said = (...names: readonly (string | null | undefined)[]): string =>
  (names.find((each) => each !== undefined && each !== null && each.trim() !== '') ?? '').slice(0, MAX_NAME).toWellFormed();
const pidIn = (value: string | number | null | undefined): number => {
  const pid = Number(value ?? 0);
  return Number.isInteger(pid) && pid >= 0 && pid <= 0xffff_ffff ? pid : 0;
};

/** @throws LicensingError INVALID_PARAMETER (501) that names every fault */
export const loginCallIn = (body: Buffer, { identity, address }: Pick<Asker, 'identity' | 'address'>): RestLoginCall => {
  let json: unknown;
  try {
    json = parseExactJson(body.toString('utf8'));
  } catch {
    throw new LicensingError(Status.INVALID_PARAMETER, {
      detail: 'The body is not JSON.',
      remedy: 'Send it as the REST licensing API has it.',
    });
  }
  const asked = parsed(loginBody, json);
  const client = asked.clientInfo ?? {};
  return {
    feature: asked.featureId,
    keys: asked.scope?.keyId ?? [],
    products: asked.scope?.productId ?? [],
    seats: asked.networkSeatsToConsume ?? 1,
    executions: asked.executionCountToConsume ?? 0,
    dieAtExpiration: asked.dieAtExpiration ?? false,
    machine: said(client.machineId, client.hostName, address),
    application: {
      pid: pidIn(client.processId),
      start: 0,
      user: said(client.userName, identity.id),
      host: said(client.hostName, client.machineId, address),
      application: `REST ${identity.id}`,
    },
  };
};
