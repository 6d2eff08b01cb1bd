import { keyTypes } from '@keyhaven/core/license';
import { z } from 'zod';
import type { HttpFaces } from '../faces.ts';
import { answers, type Route, route } from '../route.ts';
import { id, keyId, moment, said, soldLicense } from '../shapes.ts';

// Certificates of a key of this computer, link by link (field-facts 2.1; docs/protocol/transfer.md T10 to T14).

const count = z.int().min(0);
const fingerprint = z.string().meta({
  description: 'Of a public key: SHA-256, the first 16 bytes in hex, in groups of four digits.',
  example: '3f2a 91bc 0d4e 77a1 5b60 c2d9 8e13 f604',
});
const feature = z.strictObject({
  feature: id,
  name: said,
  license: soldLicense,
  seats: count.nullable().meta({ description: 'null = any number.' }),
  count: z.enum(['login', 'process', 'station']),
  network: z.boolean(),
  remoteDesktop: z.boolean(),
  virtualMachine: z.boolean(),
  detachable: z.boolean(),
});
const link = z.strictObject({
  kind: z
    .enum(['vendor', 'delegation', 'trial', 'legacy', 'key'])
    .meta({ description: '`key`: by which the key of a trial or legacy license says that it belongs to it.' }),
  signer: z.strictObject({ vendor: count.optional(), key: keyId.optional(), fingerprint }),
  signatureHolds: z.boolean(),
  fault: said.nullable().meta({ description: 'Why the link counts for nothing; null where it counts.' }),
  key: keyId.optional().meta({ description: 'That this certifies.' }),
  type: z.enum(keyTypes).optional(),
  fingerprint: fingerprint.optional(),
  issued: moment.optional(),
  until: moment.optional().meta({ description: 'The last moment of what is lent.' }),
  counter: count.optional().meta({ description: "Updates in the vendor's certificate; the sequence of a delegation." }),
  products: z.array(z.strictObject({ product: id, name: said, bound: z.boolean(), features: z.array(feature) })),
  rehost: z.literal(true).optional(),
  final: z.literal(true).optional(),
  document: z.string().meta({ description: 'What was signed, in its text form.' }),
});

export const certificateRoutes = (faces: Pick<HttpFaces, 'certificates'>): Route[] => [
  route({
    method: 'GET',
    url: '/api/v1/keys/:id/certificate',
    need: 'read',
    summary: 'What the vendor certified of a key of this computer, and whoever lends it, with every signature checked now',
    params: z.strictObject({ id: keyId }),
    answer: answers(
      z.strictObject({
        key: keyId,
        vendor: count,
        vendorFingerprint: fingerprint.meta({ description: "Of the vendor's public key; compare it with what the vendor tells." }),
        links: z.array(link).meta({ description: 'From the vendor down; empty before the first license.' }),
      }),
    ),
    run: ({ params }) => faces.certificates(params.id),
  }),
];
