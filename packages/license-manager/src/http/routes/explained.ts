import { diagnose, MAX_HOSTS, paths } from '@keyhaven/core/doctor';
import { nftables, rulesOf, ufw, windows } from '@keyhaven/core/network';
import { z } from 'zod';
import type { HttpFaces } from '../faces.ts';
import { answers, json, type Route, route, says } from '../route.ts';
import { limited, said } from '../shapes.ts';

// The network in words (R10), for those who have no core of Keyhaven to make them themselves: browsers and other programs.

const finding = z.strictObject({
  host: said,
  address: said.optional(),
  path: z.enum(paths),
  verdict: z.enum(['ok', 'blocked', 'limited']),
  cause: said,
  sentence: said,
  remedy: said,
});

export const explainedRoutes = ({ network, doctor }: Pick<HttpFaces, 'network' | 'doctor'>): Route[] => [
  route({
    method: 'GET',
    url: '/api/v1/network/rules',
    need: 'read',
    summary: 'The firewall rules that the present settings need',
    query: z.strictObject({ format: z.enum(['nftables', 'ufw', 'windows']).default('nftables') }),
    answer: says('text/plain; charset=utf-8', 'A file for that firewall.'),
    async run({ query }) {
      const plan = await network.plan();
      return { nftables, ufw, windows }[query.format](rulesOf(plan), plan.remarks);
    },
  }),
  route({
    method: 'POST',
    url: '/api/v1/network/findings',
    need: 'write',
    summary: 'What blocks the paths to other license managers, each in a sentence with its remedy',
    body: json(z.strictObject({ hosts: z.array(limited(320, 1)).max(MAX_HOSTS), broadcast: z.boolean().default(true) })),
    answer: answers(z.strictObject({ findings: z.array(finding) })),
    run: async ({ body }) => ({ findings: diagnose(await doctor.examine(body)) }),
  }),
];
