import { changeStream } from '../events.ts';
import type { HttpFaces } from '../faces.ts';
import { type Route, route, streams } from '../route.ts';

export const eventRoutes = ({ notices, network }: Pick<HttpFaces, 'notices' | 'network'>): Route[] => [
  route({
    method: 'GET',
    url: '/api/v1/events',
    need: 'read',
    summary:
      'That something has changed: `now` with the counts of all topics, then `change` with a topic and its count, at most two a second each',
    answer: streams('Server-sent events.'),
    run: () => changeStream(notices, network.clock),
  }),
];
