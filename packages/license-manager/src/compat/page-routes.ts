import { Buffer } from 'node:buffer';
import { fromRemotePage, type PageSettings, SETTINGS_SCRIPT, toRemotePage } from '@keyhaven/core/compat';
import { LicensingError, Status } from '@keyhaven/core/errors';
import type { HttpFaces } from '../http/faces.ts';
import { type FileAnswer, type Route, route, says, sends } from '../http/route.ts';
import type { CompatFaces } from './faces.ts';
import { anyQuery, underBoth } from './feed-routes.ts';

// Pages and downloads under the names that existing programs and bookmarks have (C6). What people see is the Admin Control Center.

const html = 'text/html; charset=utf-8';
/** Old pages, and where in the Admin Control Center that is now. */
const PAGES: Readonly<Record<string, string>> = {
  'index.html': '/',
  'devices.html': '/#/keys',
  'products.html': '/#/products',
  'features.html': '/#/features',
  'sessions.html': '/#/sessions',
  'checkin.html': '/#/update',
  'log.html': '/#/log',
  'config.html': '/#/configuration',
  'diag.html': '/#/diagnostics',
  'diagnostics.html': '/#/diagnostics',
  'help.html': '/#/help',
  'about.html': '/#/about',
};
/** Those of one key: their old parameter is passed on. */
const OF_A_KEY: readonly string[] = ['products.html', 'features.html', 'sessions.html'];
/** The script of its own is all that such a page runs, and action.html all that it asks (S8). */
const FORM_POLICY =
  "default-src 'none'; script-src 'self'; connect-src 'self'; form-action 'none'; frame-ancestors 'none'; base-uri 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/** Where a page is now, for the key that the question names. */
const placeOf = (name: string, { haspid }: Readonly<Record<string, unknown>>): string => {
  const place = PAGES[name] ?? '/';
  const key = typeof haspid === 'string' && OF_A_KEY.includes(name) ? (/^[1-9]\d{0,19}$/.exec(haspid)?.[0] ?? '') : '';
  return key === '' ? place : `${place}?key=${key}`;
};
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
  const page = (name: string, summary: string, text: () => string): Route[] =>
    underBoth(name).map((url) =>
      route({
        ...get,
        url,
        need: 'read',
        summary,
        answer: says(html, 'A page.'),
        run({ setHeader }) {
          setHeader('content-security-policy', FORM_POLICY);
          return text();
        },
      }),
    );
  return [
    route({
      ...get,
      url: '/_int_',
      need: 'page',
      summary: 'The Admin Control Center',
      answer: sends(html, { code: 302 }),
      run: () => moved('/'),
    }),
    ...Object.keys(PAGES).flatMap((name) =>
      underBoth(name).map((url) =>
        route({
          ...get,
          url,
          need: 'page',
          summary: 'The Admin Control Center',
          answer: sends(html, { code: 302 }),
          run: ({ query }) => moved(placeOf(name, query)),
        }),
      ),
    ),
    ...underBoth('settings-form.js').map((url) =>
      route({
        ...get,
        url,
        need: 'read',
        summary: 'The script of the forms',
        answer: says('text/javascript; charset=utf-8', 'A script.'),
        run: () => SETTINGS_SCRIPT,
      }),
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
