import { Buffer } from 'node:buffer';
import { LicensingError, Status } from '@keyhaven/core/errors';
import type { FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { filesIn } from './multipart.ts';
import { HttpRefusal } from './problem.ts';
import type { BodyKind } from './route.ts';

// What came with a request, checked against what its route declares.

/** BOUNDED: characters of what is said to be wrong. */
const MAX_SAID = 1_000;

/** @throws LicensingError 501 that names every fault */
export const parsed = <T>(schema: z.ZodType<T>, value: unknown): T => {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const faults = result.error.issues.map(({ path, message }) => `${path.join('.') || 'the request'}: ${message}`).join('; ');
  throw new LicensingError(Status.INVALID_PARAMETER, {
    detail: faults.slice(0, MAX_SAID),
    remedy: 'Correct what is named; /api/v1/openapi.json describes every request.',
  });
};

const jsonIn = (bytes: Buffer): unknown => {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    return value;
  } catch {
    throw new LicensingError(Status.INVALID_PARAMETER, {
      detail: 'The body is not JSON.',
      remedy: '/api/v1/openapi.json describes every request.',
    });
  }
};
const wrongType = (wanted: string): HttpRefusal =>
  new HttpRefusal(415, Status.INVALID_PARAMETER, {
    detail: 'The body has another content type than this request takes, or is encoded.',
    remedy: `Send it as ${wanted}.`,
  });

/** @throws LicensingError 501 */
export const bodyOf = (kind: BodyKind, request: FastifyRequest): unknown => {
  const header = request.headers['content-type'] ?? '';
  const type = header.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  const bytes = Buffer.isBuffer(request.body) ? request.body : undefined;
  // Nothing is unpacked (S2, S14).
  const plain = (request.headers['content-encoding'] ?? 'identity') === 'identity';
  switch (kind.kind) {
    case 'bytes':
      if (!plain) throw wrongType('it is');
      return bytes ?? Buffer.alloc(0);
    case 'json':
      if (bytes === undefined || bytes.length === 0) return parsed(kind.schema, kind.optional ? {} : undefined);
      if (!plain || type !== 'application/json') throw wrongType('application/json');
      return parsed(kind.schema, jsonIn(bytes));
    case 'text':
      if (bytes === undefined) return '';
      if (!plain || (type !== 'text/plain' && type !== 'application/octet-stream')) throw wrongType('text/plain');
      return bytes.toString('utf8');
    case 'files':
      if (!plain) throw wrongType('multipart/form-data');
      if (type === 'multipart/form-data') return filesIn(header, bytes ?? Buffer.alloc(0));
      if (type !== 'application/octet-stream' && type !== 'text/plain') throw wrongType('multipart/form-data');
      return [{ name: '', bytes: bytes ?? Buffer.alloc(0) }];
  }
};
