import { z } from 'zod';
import type { HttpFaces } from '../faces.ts';
import { answers, json, type Route, route } from '../route.ts';
import { keyId, limited, said } from '../shapes.ts';

// What people do to tell keys of this computer apart: a name, and a light that blinks (field-facts 2.1).

/** BOUNDED: characters of a name. */
const LONGEST = 80;
/** What no line of a list can show: control characters, ends of lines, what turns the direction of writing, and halves of characters (S8). */
const UNSEEN = /[\p{Cc}\p{Zl}\p{Zp}\p{Cs}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/u;
/** The same for the description, in which regular expressions know no classes of Unicode. JSON has no halves of characters. */
const SEEN = '^[^\\u0000-\\u001f\\u007f-\\u009f\\u061c\\u200e\\u200f\\u2028-\\u202e\\u2066-\\u2069]*$';

export const keyRoutes = (faces: Pick<HttpFaces, 'nameKey' | 'blinkKey'>): Route[] => [
  route({
    method: 'PUT',
    url: '/api/v1/keys/:id/name',
    need: 'write',
    summary: 'Names a key of this computer; an empty name takes it away',
    params: z.strictObject({ id: keyId }),
    body: json(
      z.strictObject({
        name: limited(LONGEST, 0, z.string().trim())
          .refine((name) => !UNSEEN.test(name), 'must have no control characters')
          .meta({ maxLength: LONGEST, pattern: SEEN, description: 'Without control characters.', example: 'Drawing office' }),
      }),
    ),
    answer: answers(z.strictObject({ key: keyId, name: said.meta({ description: 'Empty = it has none.' }) })),
    async run({ params, body, caller }) {
      await faces.nameKey(params.id, body.name, caller.address);
      return { key: params.id, name: body.name };
    },
  }),
  route({
    method: 'POST',
    url: '/api/v1/keys/:id/blink',
    need: 'write',
    summary: 'Lets the light of a key in hardware blink, so that people find it, or not any more',
    params: z.strictObject({ id: keyId }),
    body: json(z.strictObject({ on: z.boolean() })),
    answer: answers(z.strictObject({ key: keyId, blinking: z.boolean() })),
    async run({ params, body }) {
      await faces.blinkKey(params.id, body.on);
      return { key: params.id, blinking: body.on };
    },
  }),
];
