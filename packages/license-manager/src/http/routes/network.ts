import { MAX_HOSTS } from '@keyhaven/core/doctor';
import { z } from 'zod';
import { upcomingOf } from '../../network/index.ts';
import type { HttpFaces } from '../faces.ts';
import { networkStream } from '../network-routes.ts';
import { answers, json, type Route, route, streams } from '../route.ts';
import { evidence, limited, plan, said, upcoming } from '../shapes.ts';

// The network, explained, and what blocks it (R10).

export const networkRoutes = ({ network, doctor }: Pick<HttpFaces, 'network' | 'doctor'>): Route[] => {
  const get = { method: 'GET', need: 'read' } as const;
  return [
    route({
      ...get,
      url: '/api/v1/network/plan',
      summary: 'What it sends and receives with its settings on the interfaces that are there',
      answer: answers(plan),
      run: () => network.plan(),
    }),
    route({
      ...get,
      url: '/api/v1/network/upcoming',
      summary: 'What it is going to send by itself',
      answer: answers(z.array(upcoming)),
      run: () => upcomingOf(network.clock, network.scheduled()),
    }),
    route({
      ...get,
      url: '/api/v1/network/events',
      summary: 'What happens on the network: `traffic` for each thing, `next` with all that is scheduled',
      answer: streams('Begins with what happened of late, or after the `Last-Event-ID`.'),
      run: ({ headers }) => networkStream(network, headers['last-event-id']),
    }),
    route({
      ...get,
      url: '/api/v1/network/doctor',
      summary: 'Whom the doctor examines when nobody is named',
      answer: answers(z.strictObject({ hosts: z.array(said) })),
      run: () => ({ hosts: doctor.targets() }),
    }),
    route({
      method: 'POST',
      url: '/api/v1/network/doctor',
      need: 'write',
      summary: 'Gathers evidence of the paths to other license managers',
      body: json(z.strictObject({ hosts: z.array(limited(320, 1)).max(MAX_HOSTS), broadcast: z.boolean().default(true) })),
      answer: answers(evidence),
      run: ({ body }) => doctor.examine(body),
    }),
  ];
};
