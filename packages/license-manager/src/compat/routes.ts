import { z } from 'zod';
import type { HttpFaces } from '../http/faces.ts';
import { answers, type Route, route } from '../http/route.ts';
import { actionRoutes } from './action-routes.ts';
import { feedRoutes } from './feed-routes.ts';
import { pageRoutes } from './page-routes.ts';
import { restRoutes } from './rest-routes.ts';

export { identityRoutes } from './identity-routes.ts';

/** What existing programs call; not part of the admin API. */
export const compatRoutes = (faces: HttpFaces, part: 'all' | 'link' | 'administration'): Route[] => {
  const { compat } = faces;
  if (compat === undefined) return [];
  const routes = [
    route({
      method: 'GET',
      url: '/sentinel/ldk/v1/healthz',
      need: 'open',
      summary: 'Whether the process answers, under the name that load balancers of the field ask for',
      answer: answers(z.strictObject({ status: z.literal('ok') })),
      run: () => ({ status: 'ok' }),
    }),
    // It is licensing, so it is where license managers are.
    ...(part === 'administration' ? [] : restRoutes(compat.rest)),
    ...(part === 'link' ? [] : [...feedRoutes(faces), ...pageRoutes(faces, compat), ...actionRoutes(faces, compat)]),
  ];
  return routes.map((each) => ({ ...each, hostless: true as const }));
};
