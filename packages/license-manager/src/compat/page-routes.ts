import { Buffer } from 'node:buffer';
import { fromRemotePage, type PageSettings, toRemotePage } from '@keyhaven/core/compat';
import { LicensingError, Status } from '@keyhaven/core/errors';
import type { HttpFaces } from '../http/faces.ts';
import { type FileAnswer, type Route, route, says, sends } from '../http/route.ts';
import type { CompatFaces } from './faces.ts';
import { anyQuery, underBoth } from './feed-routes.ts';

// Pages and downloads under the names that existing programs and bookmarks have (C6). What people see is the Admin Control Center.

const html = 'text/html; charset=utf-8';
/** Names of pages that are the Admin Control Center now. */
const PAGES = [
  'index.html',
  'devices.html',
  'products.html',
  'features.html',
  'sessions.html',
  'config.html',
  'diag.html',
  'diagnostics.html',
] as const;

const moved = (location: string): FileAnswer => ({
  code: 302,
  headers: { location, 'content-type': html },
  body: Buffer.from(`<title>302 Moved</title>\n<a href="${location}">${location}</a>\n`),
});

const pageSettings = (compat: CompatFaces): PageSettings => {
  const { access, search } = compat.settings();
  return {
    remoteLicenses: access.remoteLicenses,
    broadcast: search.broadcast,
    aggressive: search.aggressive,
    addresses: search.addresses,
    remoteClients: access.remoteClients,
  };
};

/** What stands alone behind the `?`, without a name. */
const idIn = (query: Readonly<Record<string, unknown>>): string => /^\d{1,20}$/.exec(Object.keys(query)[0] ?? '')?.[0] ?? '';

export const pageRoutes = (faces: HttpFaces, compat: CompatFaces): Route[] => {
  const get = { method: 'GET', query: anyQuery } as const;
  const page = (name: string, summary: string, run: () => string): Route[] =>
    underBoth(name).map((url) => route({ ...get, url, need: 'read', summary, answer: says(html, 'A page.'), run }));
  return [
    route({ ...get, url: '/_int_', need: 'page', summary: 'The Admin Control Center', answer: sends(html), run: () => moved('/') }),
    ...PAGES.flatMap((name) =>
      underBoth(name).map((url) =>
        route({ ...get, url, need: 'page', summary: 'The Admin Control Center', answer: sends(html), run: () => moved('/') }),
      ),
    ),
    ...page('conf_to.html', 'Access to remote license managers, as a form', () => toRemotePage(pageSettings(compat))),
    ...page('config_to.html', 'Access to remote license managers, as a form', () => toRemotePage(pageSettings(compat))),
    ...page('conf_from.html', 'Access from remote clients, as a form', () => fromRemotePage(pageSettings(compat))),
    ...page('config_from.html', 'Access from remote clients, as a form', () => fromRemotePage(pageSettings(compat))),
    ...['/download/my.c2v', '/_int_/download/my.c2v'].map((url) =>
      route({
        ...get,
        url,
        need: 'read',
        summary: 'The state of a key for its vendor: my.c2v?KEY',
        answer: says('text/xml; charset=utf-8', 'XML of the format updateinfo.'),
        run: async ({ query }) => {
          const c2v = await faces.c2v({ key: idIn(query) });
          return `<?xml version="1.0" encoding="UTF-8" ?>\n<hasp_info>\n<c2v>${c2v}</c2v>\n</hasp_info>\n`;
        },
      }),
    ),
    ...['/download/my.fp', '/_int_/download/my.fp'].map((url) =>
      route({
        ...get,
        url,
        need: 'read',
        summary: 'What this computer is recognised by, for a vendor: my.fp?VENDOR',
        answer: says('text/xml; charset=utf-8', 'XML of the format host_fingerprint.'),
        run: async ({ query }) => {
          const fingerprint = await compat.fingerprintFor(Number(idIn(query)));
          if (fingerprint !== undefined) return fingerprint;
          throw new LicensingError(Status.KEY_NOT_FOUND, {
            detail: 'No key of this vendor is here, so that its vendor code is not known.',
            remedy: 'Name the vendor code: keyhaven fingerprint --vendor-code CODE',
          });
        },
      }),
    ),
  ];
};
