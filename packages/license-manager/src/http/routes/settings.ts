import { z } from 'zod';
import { widensAccess } from '../../configuration/administered.ts';
import type { HttpFaces } from '../faces.ts';
import { onlyHere } from '../gate.ts';
import { answers, json, type Route, route } from '../route.ts';
import { limited, said } from '../shapes.ts';

// The configuration (C2, C4): every setting with where it comes from and what it does; changes of the license manager's own file.

const value = z.union([z.null(), z.boolean(), z.number(), limited(4_096), z.array(limited(1_024)).max(1_024)]);
const setting = z.strictObject({
  path: said.meta({ example: 'search.broadcast' }),
  value: value.meta({ description: 'What the file and the command line say; null where nothing.' }),
  default: value,
  source: z.enum(['default', 'file', 'command line']),
  running: value.meta({ description: 'What holds now; another one than `value` waits for a restart.' }),
  type: said,
  bounds: said,
  live: z.boolean().meta({ description: 'A change holds at once, else after a restart.' }),
  widens: z.boolean().meta({ description: 'Changed on this computer only (S7).' }),
  effect: said,
});

export const settingRoutes = ({ settings }: Pick<HttpFaces, 'settings'>): Route[] => [
  route({
    method: 'GET',
    url: '/api/v1/settings',
    need: 'read',
    summary: 'Every setting: its value, its default, where it comes from, what it does',
    answer: answers(
      z.strictObject({
        file: said.nullable(),
        writable: z.boolean(),
        fault: said.nullable(),
        notes: z.array(z.strictObject({ line: z.int(), level: said, text: said })),
        settings: z.array(setting),
      }),
    ),
    run: () => settings.read(),
  }),
  route({
    method: 'PUT',
    url: '/api/v1/settings',
    need: 'configure',
    summary: 'Changes settings, all or none; null takes one out of the file, so that its default holds',
    body: json(
      z.strictObject({
        settings: z
          .record(limited(80), value)
          .refine((changes) => Object.keys(changes).length <= 100, 'has more than 100 settings')
          .meta({ example: { 'search.broadcast': false } }),
      }),
    ),
    answer: answers(
      z.strictObject({ now: z.array(said), restart: z.array(said) }),
      'What holds from now on, and what waits for a restart.',
    ),
    run({ body, caller }) {
      const changes = Object.entries(body.settings);
      if (changes.some(([path]) => widensAccess(path))) onlyHere(caller);
      return settings.change(Object.fromEntries(changes.map(([path, each]) => [path, each ?? undefined])), caller.address);
    },
  }),
];
