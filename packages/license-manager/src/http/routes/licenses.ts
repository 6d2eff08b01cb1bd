import { z } from 'zod';
import type { HttpFaces } from '../faces.ts';
import { answers, json, type Route, route, says, text } from '../route.ts';
import { limited, updateResult, wantedKey } from '../shapes.ts';

// The files between customer and vendor, and the end of a session.

/** BOUNDED: bytes of a license file; packages are the largest. */
export const FILE_LIMIT = 12 * 1024 * 1024;
const vendorCode = limited(200);

export const licenseRoutes = (faces: HttpFaces): Route[] => [
  route({
    method: 'DELETE',
    url: '/api/v1/sessions/:id',
    need: 'write',
    summary: 'Ends a session; its seat is free at once',
    params: z.strictObject({ id: limited(200) }),
    answer: answers(z.strictObject({ status: z.literal('ended') })),
    async run({ params, caller }) {
      await faces.kill(params.id, caller.address);
      return { status: 'ended' };
    },
  }),
  route({
    method: 'POST',
    url: '/api/v1/apply',
    need: 'write',
    summary: 'Applies a license file: V2C, V2CP, H2R, R2H, H2H',
    body: text(FILE_LIMIT, 'The text of the file'),
    answer: answers(updateResult),
    run: ({ body }) => faces.apply(body),
  }),
  route({
    method: 'POST',
    url: '/api/v1/fingerprint',
    need: 'write',
    summary: 'What this computer is recognised by, for one vendor',
    body: json(z.strictObject({ vendorCode })),
    answer: says('text/plain', 'XML of the format host_fingerprint.'),
    run: ({ body }) => faces.fingerprint(body.vendorCode),
  }),
  route({
    method: 'POST',
    url: '/api/v1/c2v',
    need: 'write',
    summary: 'The state of a key for its vendor; with a vendor code makes a first key',
    body: json(
      z.union([
        z.strictObject({ vendorCode, type: z.enum(['sl-adminmode', 'sl-usermode']).default('sl-adminmode') }),
        z.strictObject({ key: wantedKey }),
      ]),
    ),
    answer: says('text/plain', 'A C2V.'),
    run: ({ body }) => faces.c2v(body),
  }),
];
