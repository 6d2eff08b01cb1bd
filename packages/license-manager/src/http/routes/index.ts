import { z } from 'zod';
import { compatRoutes, identityRoutes } from '../../compat/routes.ts';
import { withActs } from '../acts.ts';
import type { HttpFaces } from '../faces.ts';
import { openapiOf } from '../openapi.ts';
import { answers, type Route, route } from '../route.ts';
import { administratorRoutes } from './administration.ts';
import { certificateRoutes } from './certificates.ts';
import { diagnosticRoutes } from './diagnostics.ts';
import { eventRoutes } from './events.ts';
import { explainedRoutes } from './explained.ts';
import { keyRoutes } from './keys.ts';
import { licenseRoutes } from './licenses.ts';
import { healthRoutes, linkRoutes } from './link.ts';
import { listRoutes } from './lists.ts';
import { lmIdRoutes } from './lm-id.ts';
import { networkRoutes } from './network.ts';
import { onlineTransferRoutes } from './online-transfers.ts';
import { overviewRoutes } from './overview.ts';
import { pageRoutes } from './pages.ts';
import { peopleRoutes } from './people.ts';
import { recordRoutes } from './records.ts';
import { settingRoutes } from './settings.ts';
import { transferRoutes } from './transfers.ts';
import { uploadRoutes } from './uploads.ts';

/** Everything that administers. */
const administrationRoutes = (faces: HttpFaces): Route[] => [
  ...pageRoutes(faces),
  ...overviewRoutes(faces),
  ...listRoutes(faces),
  ...administratorRoutes(faces),
  ...lmIdRoutes(faces),
  ...licenseRoutes(faces),
  ...keyRoutes(faces),
  ...certificateRoutes(faces),
  ...transferRoutes(faces.transfers),
  ...onlineTransferRoutes(faces.online),
  ...networkRoutes(faces),
  ...explainedRoutes(faces),
  ...eventRoutes(faces),
  ...settingRoutes(faces),
  ...uploadRoutes(faces),
  ...peopleRoutes(faces),
  ...diagnosticRoutes(faces),
  ...recordRoutes(faces),
  ...(faces.compat === undefined ? [] : identityRoutes(faces.compat)),
];

const declaredFor = (faces: HttpFaces, part: 'all' | 'link' | 'administration'): Route[] => {
  const routes = [
    ...healthRoutes(faces),
    ...(part === 'administration' ? [] : linkRoutes(faces)),
    ...(part === 'link' ? [] : administrationRoutes(faces)),
  ];
  if (part === 'link') return [...routes, ...compatRoutes(faces, part)];
  const description: Route = route({
    method: 'GET',
    url: '/api/v1/openapi.json',
    need: 'read',
    summary: 'This description',
    answer: answers(z.looseObject({ openapi: z.string(), paths: z.record(z.string(), z.unknown()) }), 'OpenAPI 3.1.'),
    run: () => openapiOf(described, faces.status().version),
  });
  const described = [...routes, description, ...compatRoutes(faces, part)];
  return described;
};

/** Those that are served; what administers is done by `faces.perform`. */
export const routesFor = (faces: HttpFaces, part: 'all' | 'link' | 'administration'): Route[] =>
  withActs(declaredFor(faces, part), faces.perform ?? (async (_act, work) => work()));
