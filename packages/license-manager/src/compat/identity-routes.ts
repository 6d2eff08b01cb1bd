import { IDENTITY_NAME, identityRights, identityStates, MAX_MACHINES } from '@keyhaven/core/compat';
import { MAX_ID } from '@keyhaven/core/license';
import { z } from 'zod';
import { onlyHere } from '../http/gate.ts';
import { answers, json, type Route, route } from '../http/route.ts';
import { keyId, limited, moment, said } from '../http/shapes.ts';
import type { CompatFaces } from './faces.ts';

// Identities of clients of the REST licensing API (C4, C6): made, changed and taken away by the administrator. What gives somebody more rights is
// done on this computer only (S7); from another one, with the password, an identity is disabled or taken away.

const id = z.string().regex(IDENTITY_NAME, 'has letters, digits, - and _, at most 40').meta({ example: 'build-7' });
const issuedTo = limited(200);
const rights = z.array(z.enum(identityRights)).min(1).max(identityRights.length);
const limitTo = z
  .array(z.strictObject({ key: keyId, product: z.int().min(0).max(MAX_ID).exactOptional() }))
  .min(1)
  .max(1_000);
const identity = z.strictObject({
  id,
  issuedTo: said,
  rights,
  limitTo: limitTo.optional(),
  expires: moment.optional(),
  disabled: z.boolean(),
  since: moment,
  state: z.enum(identityStates).meta({ description: '`expired`: it is refused since `expires`.' }),
  lastUsed: moment.optional().meta({ description: 'Absent = never; after a crash, up to ten minutes too early.' }),
  maxMachines: z.int().min(1).optional().meta({ description: 'Computers that may log in with it; absent = any number.' }),
  machines: z
    .array(z.strictObject({ machine: said, since: moment }))
    .optional()
    .meta({ description: 'Computers that are registered, by the name that their clients give.' }),
});
const maxMachines = z.int().min(1).max(MAX_MACHINES);
const params = z.strictObject({ id: limited(200) });

export const identityRoutes = ({ identities, settings }: Pick<CompatFaces, 'identities' | 'settings'>): Route[] => [
  route({
    method: 'GET',
    url: '/api/v1/identities',
    need: 'read',
    summary: 'Identities of clients of the REST licensing API, without their secrets',
    answer: answers(z.array(identity)),
    run: () => identities.list(),
  }),
  route({
    method: 'POST',
    url: '/api/v1/identities',
    need: 'configure',
    summary: 'Issues an identity; its secret is told this once',
    body: json(
      z.strictObject({
        id: id.exactOptional(),
        issuedTo,
        rights: rights.default([...identityRights]),
        limitTo: limitTo.exactOptional(),
        expires: moment.exactOptional(),
        maxMachines: maxMachines.exactOptional(),
      }),
    ),
    answer: answers(
      z.strictObject({
        identity,
        secret: z.string(),
        address: said
          .optional()
          .meta({ description: 'Where its client is to find this license manager: `access.publicAddress` and the port.' }),
      }),
    ),
    async run({ body, caller }) {
      onlyHere(caller);
      const made = await identities.add(body, caller.address);
      const { access, port } = settings();
      return access.publicAddress === undefined ? made : { ...made, address: `${access.publicAddress}:${port}` };
    },
  }),
  route({
    method: 'PUT',
    url: '/api/v1/identities/:id',
    need: 'configure',
    summary: 'Changes an identity; disabled, its sessions end',
    params,
    body: json(
      z.strictObject({
        issuedTo: issuedTo.optional(),
        rights: rights.optional(),
        disabled: z.boolean().optional(),
        limitTo: limitTo.nullish().meta({ description: 'null = every key.' }),
        expires: moment.nullish().meta({ description: 'null = for ever.' }),
        maxMachines: maxMachines.nullish().meta({ description: 'null = any number.' }),
        unregister: z.array(limited(200)).max(MAX_MACHINES).optional().meta({ description: 'Computers that make room for others.' }),
      }),
    ),
    answer: answers(identity),
    run({ params: { id: of }, body, caller }) {
      const { disabled, issuedTo: _name, ...more } = body;
      if (disabled === false || Object.keys(more).length > 0) onlyHere(caller);
      return identities.change(of, body, caller.address);
    },
  }),
  route({
    method: 'DELETE',
    url: '/api/v1/identities/:id',
    need: 'configure',
    summary: 'Takes an identity away; its sessions end',
    params,
    answer: answers(z.strictObject({ status: z.literal('removed') })),
    async run({ params: { id: of }, caller }) {
      await identities.remove(of, caller.address);
      return { status: 'removed' };
    },
  }),
];
