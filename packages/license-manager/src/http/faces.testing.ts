import { LicensingError, Status } from '@keyhaven/core/errors';
import type { Site } from '../authority/site.testing.ts';
import { createOverview } from '../overview.ts';
import type { HttpFaces } from './faces.ts';
import { pageStyle } from './page.ts';

/** The faces of a site without sockets; records what administers. */
export const facesOf = (site: Site, more: Partial<HttpFaces> = {}): { faces: HttpFaces; acts: string[] } => {
  const acts: string[] = [];
  const refuse = async (): Promise<never> => {
    throw new LicensingError(Status.REQ_NOT_SUPP);
  };
  const nobody = { all: () => [] };
  const { keystore, authority, ledger, clock } = site;
  const acting = async (act: string, of: unknown): Promise<never> => {
    acts.push(`${act} ${JSON.stringify(of)}`);
    return refuse();
  };
  const faces: HttpFaces = {
    link: { hello: () => 'hello', confirm: () => 'confirm', exchange: async () => 'exchange', listen: async () => 'listen' } as never,
    overview: createOverview({
      self: { guid: 'self', hostname: 'here', address: '127.0.0.1' },
      keystore,
      authority,
      peers: nobody as never,
    }),
    style: pageStyle,
    remoteAdministration: false,
    remoteClients: true,
    hostNames: () => new Set(['localhost', 'here', '192.0.2.1']),
    status: () => ({
      guid: 'self',
      name: 'here',
      version: '0',
      uptime: clock.mono(),
      tcp: [],
      udp: [],
      sessions: authority.sessionCount,
      keys: 0,
      peers: 0,
    }),
    fresh: async () => undefined,
    audit: (query) => ledger.audit(query),
    async kill(id) {
      acts.push(`kill ${id}`);
    },
    async apply(document) {
      acts.push(`apply ${document}`);
      return { key: '1', updateCounter: 1 };
    },
    transfers: {
      recipient: (of) => acting('recipient', of),
      detach: (wish) => acting('detach', wish),
      giveBack: (key) => acting('return', key),
      rehost: (key) => acting('rehost', key),
      forApplication: (wish) => acting('transfer', wish),
      apply: (kind) => acting('apply', kind),
      detached: () => [],
      close: () => undefined,
    },
    async c2v(wanted) {
      acts.push(`c2v ${JSON.stringify(wanted)}`);
      return refuse();
    },
    ...more,
  };
  return { faces, acts };
};
