import { LicensingError, Status } from '@keyhaven/core/errors';
import { createAuditWriter } from '../acts/index.ts';
import { openAdministration } from '../administration/index.ts';
import type { Site } from '../authority/site.testing.ts';
import { certificatesOfKey } from '../certificates.ts';
import { createAdministeredSettings } from '../configuration/administered.ts';
import { createDiagnostics } from '../diagnostics/index.ts';
import { systemEntropy } from '../machine/index.ts';
import { createJournal } from '../network/index.ts';
import { createNotices } from '../notices/index.ts';
import { createOverview, waitingInfo } from '../overview.ts';
import { parseSettings } from '../settings.ts';
import type { HttpFaces } from './faces.ts';
import { pageStyle } from './page.ts';

/** The faces of a site without sockets; records what administers. */
export const facesOf = async (site: Site, more: Partial<HttpFaces> = {}): Promise<{ faces: HttpFaces; acts: string[] }> => {
  const acts: string[] = [];
  const refuse = async (): Promise<never> => {
    throw new LicensingError(Status.REQ_NOT_SUPP);
  };
  const nobody = { all: () => [], sessions: () => [] };
  const { keystore, authority, ledger, clock } = site;
  const acting = async (act: string, of: unknown): Promise<never> => {
    acts.push(`${act} ${JSON.stringify(of)}`);
    return refuse();
  };
  const faces: HttpFaces = {
    witness: async () => 'proof',
    link: { hello: () => 'hello', confirm: () => 'confirm', exchange: async () => 'exchange', listen: async () => 'listen' } as never,
    overview: createOverview({
      self: { guid: 'self', hostname: 'here', address: '127.0.0.1' },
      keystore,
      authority,
      peers: nobody as never,
    }),
    style: pageStyle,
    remoteAdministration: false,
    page: { refreshSeconds: 3, rows: 20, passwordForAll: false },
    againstRemote: () => undefined,
    administrationRefused: () => undefined,
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
    network: { clock, plan: async () => ({ flows: [], remarks: [] }), scheduled: () => [], journal: createJournal(clock) },
    doctor: { targets: () => [], examine: (wanted) => acting('doctor', wanted) },
    audit: (query) => ledger.audit(query),
    async kill(id) {
      acts.push(`kill ${id}`);
    },
    async nameKey(key, name) {
      acts.push(`name ${key} ${name}`);
    },
    async blinkKey(key, on) {
      acts.push(`blink ${key} ${on}`);
    },
    certificates: (key) => certificatesOfKey(keystore, key),
    newId: (now) => acting('newId', now),
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
      available: () => undefined,
      offered: () => undefined,
      lend: () => acting('lend', {}),
      mayLend: () => undefined,
      takeBackFrom: () => acting('take back', {}),
      close: () => undefined,
    },
    online: {
      detach: (wish) => acting('detach-here', wish),
      giveBack: (key) => acting('return-here', key),
      untold: () => [],
      ownerOf: () => undefined,
    },
    async fingerprint(vendorCode) {
      acts.push(`fingerprint ${vendorCode}`);
      return '<hasp_info/>';
    },
    async c2v(wanted) {
      acts.push(`c2v ${JSON.stringify(wanted)}`);
      return refuse();
    },
    administration: await openAdministration({
      ledger,
      audit: createAuditWriter({ ledger, clock, onEvent: () => undefined }),
      clock,
      entropy: systemEntropy,
    }),
    notices: createNotices(clock),
    settings: {
      ...createAdministeredSettings({
        file: undefined,
        overrides: {},
        current: () => parseSettings('', { name: 'here' }),
        apply: () => ({ now: [], restart: [] }),
      }),
      change: (changes) => acting('settings', changes),
    },
    waiting: () => waitingInfo(authority),
    diagnostics: createDiagnostics({
      now: clock.wall,
      status: () => faces.status(),
      computer: () => ({ system: 'test', release: '0', architecture: 'x', node: '24' }),
      sections: {},
    }),
    records: {
      remoteMetrics: false,
      request: () => undefined,
      verifyAudit: () => ledger.verifyAudit(),
      usage: async () => [],
      logLines: async () => [],
      metrics: () => ({ type: 'text/plain', text: '' }),
      unready: async () => [],
      degraded: () => [],
    },
    ...more,
  };
  return { faces, acts };
};
