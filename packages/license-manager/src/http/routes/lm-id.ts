import { z } from 'zod';
import type { HttpFaces } from '../faces.ts';
import { onlyHere } from '../gate.ts';
import { answers, json, type Route, route } from '../route.ts';

/** "Create new LM id", on this computer only. */
export const lmIdRoutes = (faces: HttpFaces): Route[] => [
  route({
    method: 'POST',
    url: '/api/v1/lm-id',
    need: 'configure',
    summary: 'Makes a new LM id, which holds after a start; keys and seats stay; on this computer only',
    body: json(
      z.strictObject({
        now: z.boolean().default(false).meta({ description: 'At the next start, though sessions over the network end then.' }),
      }),
      { optional: true },
    ),
    answer: answers(
      z.strictObject({
        guid: z.string(),
        waitsFor: z.int().min(0).meta({ description: 'Sessions over the network now; it is taken at a start without any.' }),
      }),
    ),
    async run({ body, caller }) {
      onlyHere(caller);
      return faces.newId(body.now, caller.address);
    },
  }),
];
