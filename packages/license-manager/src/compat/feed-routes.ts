import {
  chosen,
  deviceRow,
  diagnosticsOf,
  type FeedRow,
  featureRow,
  feedOf,
  feedQueryOf,
  feedText,
  productNameOf,
  sessionRow,
} from '@keyhaven/core/compat';
import { z } from 'zod';
import type { HttpFaces } from '../http/faces.ts';
import { type Route, route, says } from '../http/route.ts';
import { limited } from '../http/shapes.ts';

// The feeds of existing monitoring scripts (C6), under both of their names. All parameters are optional.

type Query = Readonly<Record<string, unknown>>;
type Feed = (query: Query) => string | Promise<string>;

/** A parameter that comes twice is as good as none. */
export const anyQuery = z.record(limited(200), z.unknown());
/** As the description has it; what is no text of the kind is as good as none. */
export const parameter = (description: string) => z.unknown().optional().meta({ type: 'string', description });
const feedQuery = z.looseObject({
  haspid: parameter('The id of a key; 0 = all.'),
  vendorid: parameter('0 = all.'),
  productid: parameter('0 = all.'),
  featureid: parameter('-1 = all.'),
  filterfrom: parameter('The first row, from 1.'),
  filterto: parameter('The last row.'),
});
export const underBoth = (name: string): readonly string[] => [`/${name}`, `/_int_/${name}`];

const feedsOf = (faces: HttpFaces): Readonly<Record<string, Feed>> => {
  const { overview } = faces;
  return {
    'tab_dev.html': async (query) => {
      await faces.fresh();
      const rows = chosen(overview.keys(), feedQueryOf(query));
      return feedOf(
        'devices',
        Iterator.from(rows).map(({ row, index }) => deviceRow(index, row)),
      );
    },
    'tab_feat.html': async (query) => {
      await faces.fresh();
      const keys = new Map(overview.keys().map((key) => [`${key.key} ${key.local}`, key]));
      const products = new Map(overview.products().map((each) => [`${each.key}.${each.product}.${each.local}`, each]));
      const rows = chosen(await overview.features(), feedQueryOf(query));
      const now = faces.network.clock.wall();
      return feedOf(
        'features',
        Iterator.from(rows).map(
          ({ row, index }): FeedRow =>
            featureRow(index, row, keys.get(`${row.key} ${row.local}`), products.get(`${row.key}.${row.product}.${row.local}`), now),
        ),
      );
    },
    'tab_sessions.html': async (query) => {
      const all = overview.keys();
      const vendors = new Map(all.map(({ key, vendor }) => [key, vendor]));
      const names = new Map(all.flatMap(({ key, name }) => (name === undefined ? [] : [[key, name] as const])));
      const nameOf = productNameOf(overview.products());
      const features = new Map((await overview.features()).map((of) => [`${of.key}.${of.product}.${of.feature}`, of.name]));
      const sessions = Iterator.from(overview.sessions('all')).map((of) => {
        const vendor = vendors.get(of.key);
        return vendor === undefined ? of : { ...of, vendor };
      });
      return feedOf(
        'sessions',
        Iterator.from(chosen(sessions, feedQueryOf(query))).map(({ row, index }) =>
          sessionRow(index, row, {
            vendor: vendors.get(row.key),
            keyName: names.get(row.key),
            productName: row.product === null ? '' : nameOf(row.key, row.product),
            featureName: features.get(`${row.key}.${row.product}.${row.feature}`) ?? '',
          }),
        ),
      );
    },
    'tab_diag2.html': () => {
      const { guid, newId, name, version, uptime, sessions, keys, peers } = faces.status();
      // The id that it will have from its next start on is the one that scripts wait for; their alphabet is that of base64.
      const id = (newId?.guid ?? guid).replaceAll('-', '+').replaceAll('_', '/');
      return diagnosticsOf({
        srvguid: id,
        srvname: feedText(name),
        version: feedText(version),
        uptime: String(uptime),
        logins: String(sessions),
        devices: String(keys),
        remotelms: String(peers),
      });
    },
  };
};

export const feedRoutes = (faces: HttpFaces): Route[] =>
  Object.entries(feedsOf(faces)).flatMap(([name, feed]) =>
    underBoth(name).map((url) =>
      route({
        method: 'GET',
        url,
        need: 'read',
        summary: 'A feed of monitoring scripts',
        query: feedQuery,
        answer: says('text/html; charset=utf-8', 'Comments around flat objects.'),
        run: ({ query }) => feed(query),
      }),
    ),
  );
