import type { HttpFaces } from '../http/faces.ts';
import type { Route } from '../http/route.ts';
import { actionRoutes } from './action-routes.ts';
import { feedRoutes } from './feed-routes.ts';
import { pageRoutes } from './page-routes.ts';
import { restRoutes } from './rest-routes.ts';

export { identityRoutes } from './identity-routes.ts';

/** What existing programs call; not part of the admin API. */
export const compatRoutes = (faces: HttpFaces, part: 'all' | 'link' | 'administration'): Route[] => {
  const { compat } = faces;
  if (compat === undefined) return [];
  return [
    // It is licensing, so it is where license managers are.
    ...(part === 'administration' ? [] : restRoutes(compat.rest)),
    ...(part === 'link' ? [] : [...feedRoutes(faces), ...pageRoutes(faces, compat), ...actionRoutes(faces, compat)]),
  ];
};
