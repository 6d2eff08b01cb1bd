import { Status } from '@keyhaven/core/errors';
import { isVirtualMachine } from '@keyhaven/core/fingerprint';
import { serves } from '@keyhaven/core/hosts';
import { identityOfHolder, isLinked } from '@keyhaven/core/seats';
import { SECOND, wall } from '@keyhaven/core/time';
import { createAuditWriter, openActs } from '../acts/index.ts';
import { createApplications } from '../applications.ts';
import { openAuthority } from '../authority/index.ts';
import type { Source } from '../candidates.ts';
import { createInformation } from '../information/index.ts';
import type { Key } from '../keystore/index.ts';
import { createOverview } from '../overview.ts';
import { createOwnCatalog } from '../own-catalog.ts';
import { createLinkAnswerer, openPeers } from '../peers/index.ts';
import { openProtection } from '../protection/index.ts';
import {
  DEFAULT_TRANSFER_SETTINGS,
  openOnlineRows,
  openOnlineTransfers,
  openTransfers,
  type RunningOnlineTransfers,
} from '../transfer/index.ts';
import { openTrials } from '../trial/index.ts';
import { createFirstSearch } from './first-search.ts';
import { watchHardware } from './hardware.ts';
import { createLendingOverLinks } from './lending-over-links.ts';
import { createLicenseFiles } from './license-files.ts';
import { createRefusals } from './refusals.ts';
import { serveApplications } from './serving-applications.ts';
import type { Lm, LmOptions } from './types.ts';

// A license manager without sockets, disks and clocks of its own: the authority for the keys here, the other LMs, the applications of this
// computer, and how they are joined. The hosts (T1) give it a ledger, a way to other LMs and connections of applications; the
// simulated world gives it simulated ones. Nothing of the rules is here.

/** After the disk refused the release of an ended application's seats. */
const RELEASE_AGAIN_MS = 5 * SECOND;

export const openLm = async (options: LmOptions): Promise<Lm> => {
  const { self, hostname, ledger, keystore, clock, entropy, onEvent } = options;
  const audit = createAuditWriter({ ledger, clock, onEvent });
  const protection = await openProtection({
    audit,
    self,
    hostname,
    ledger,
    keystore,
    clock,
    entropy,
    post: options.post,
    settings: options.protection,
    onEvent,
  });

  const refusals = createRefusals(options, audit);
  const { access } = refusals;
  const trials = await openTrials({
    ledger,
    keystore,
    marks: options.trialMarks,
    time: () => protection.guard.time(),
    onProblem: (error) => onEvent({ level: 'warn', event: 'the mark of a trial license is not kept', error }),
  });
  const authority = await openAuthority({
    ledger,
    audit,
    keystore,
    clock,
    entropy,
    idleTimeoutMs: options.idleSessionMs,
    guard: protection.guard,
    trials,
    ...(access === undefined ? {} : { access }),
    ...(options.sharing === undefined ? {} : { sharing: options.sharing }),
    onAttached: (party, session, channel) => {
      if (isLinked(party.holder)) answerer.attached(channel, session);
    },
    onAway: ({ row }) => {
      if (row.holder === 'local') applications.away({ pid: row.pid, start: row.start });
    },
    onEnded: (session, cause) => {
      onEvent({ level: 'info', event: 'session ended', session: session.id, key: session.pool.key, feature: session.pool.feature, cause });
      if (isLinked(session.row.holder)) answerer.ended(session.row.holder, session.id);
    },
  });
  const applications = createApplications({
    clock,
    ...(options.running === undefined ? {} : { running: options.running }),
    needed: (process) => authority.hasSessionsOf(process.pid, process.start) || peers.hasSessionsOf(process),
    onEnded(process) {
      authority.processEnded(process.pid, process.start).catch((error: unknown) => {
        onEvent({ level: 'error', event: 'release failed', error });
        clock.after(RELEASE_AGAIN_MS, () => applications.away(process));
      });
      peers.processEnded(process);
    },
  });
  /** Others may be linked before it begins. */
  let begun = undefined as RunningOnlineTransfers | undefined;
  const peers = await openPeers({
    self,
    hostname,
    clock,
    entropy,
    post: options.post,
    ...(options.linkVersions === undefined ? {} : { linkVersions: options.linkVersions }),
    ...(options.station === undefined ? {} : { station: options.station }),
    ledger: options.forwarded ?? ledger,
    onAway: (process) => applications.away(process),
    onChange({ guid, state }) {
      onEvent({ level: 'debug', event: `peer ${state}`, guid, keys: peers.get(guid)?.catalog.length ?? 0 });
      options.onPeersChanged();
      protection.peersChanged();
      if (state === 'linked') begun?.linked(guid);
    },
    // Near LMs listen on nothing (T3, T4).
    hears: (options.host ?? 'admin') === 'admin',
    onTrouble: (detail) => onEvent({ level: 'warn', event: 'another license manager cannot be used', detail }),
    onUnspoken: (detail, status) =>
      onEvent({
        level: 'warn',
        event:
          status === Status.IDENTITY_REQUIRED
            ? 'another license manager serves identifiable clients only'
            : 'no common version with another license manager',
        detail,
      }),
  });
  for (const session of authority.sessions()) {
    if (session.row.holder === 'local') applications.away({ pid: session.row.pid, start: session.row.start });
  }

  protection.begin(authority, peers);

  // REST sessions end by a time of their own (compat/rest-sessions.ts).
  const idleTimeoutMsOf = (holder: string): number =>
    identityOfHolder(holder) === undefined ? options.idleSessionMs : (options.restIdleMs?.() ?? options.idleSessionMs);
  const own = { guid: self.guid, hostname, address: '127.0.0.1' };
  const overview = createOverview({
    self: own,
    keystore,
    authority,
    peers,
    protection,
    available: (key, product) => transfers.available(key, product),
    offered: (key, product) => transfers.offered(key, product),
    detached: () => transfers.detached(),
    ownerOf: (key) => begun?.ownerOf(key),
    ...(options.keyName === undefined ? {} : { nameOf: options.keyName }),
    idle: { clock, timeoutMsOf: idleTimeoutMsOf },
  });
  const ownCatalog = createOwnCatalog({ boot: options.boot, entropy, keys: overview.catalog, offered: overview.offered });
  const licensed = (key: Key, added: boolean): void => {
    ownCatalog.touch();
    protection.licensed(key);
    options.onKeysChanged(key, added);
  };
  const gone = (key: string): void => {
    ownCatalog.touch();
    options.onKeyGone?.(key);
  };
  const answerer = createLinkAnswerer({
    self,
    hostname,
    clock,
    entropy,
    authority,
    twins: protection.twins,
    ...(options.probes === undefined ? {} : { probes: options.probes }),
    against: refusals.againstClient,
    catalog: ownCatalog.current,
    changes: ownCatalog.changes,
    onCallers: options.onPeersChanged,
    files: createLendingOverLinks(() => ({ authority, transfers, acts, refusals, licensed, touched: ownCatalog.touch })),
  });

  const onlineRows = await openOnlineRows(ledger);
  const transfers = await openTransfers({
    online: onlineRows,
    self,
    hostname,
    ledger,
    keystore,
    authority,
    clock,
    time: protection.time,
    entropy,
    settings: options.transfer ?? DEFAULT_TRANSFER_SETTINGS,
    async barred(key, product) {
      for (const pool of key.license?.pools.values() ?? []) {
        if (pool.product?.id !== product) continue;
        await protection.guard.ready(key, product, pool);
        const bar = protection.guard.against(key, product, pool);
        if (bar !== undefined) return bar;
      }
      return undefined;
    },
    keptFrom: (to, of, vendor) => access?.keptFromDetach(to, of, vendor) ?? 0,
    against: refusals.againstDetach,
    async virtualMachine() {
      const observed = await options.protection?.observe();
      return observed !== undefined && isVirtualMachine(observed);
    },
    onGone: gone,
    onEvent,
  });

  const firstSearch = createFirstSearch(clock, options.remoteLicenses, () => options.onSearchAwaited?.());
  const usablePeers = () => (options.remoteLicenses ? peers.all() : []).filter((peer) => peer.state === 'linked');
  const information = createInformation({
    self: own,
    computer: options.computer,
    keystore,
    authority,
    clock,
    idleTimeoutMsOf,
    startedAt: clock.mono(),
    embedded: options.host === 'integrated',
    vendor: options.vendor,
    time: () => protection.guard.time(),
    observed: () => protection.observed(),
    recipient: serves(options.host ?? 'admin', 'sl-adminmode') ? (of) => transfers.recipient(of) : undefined,
    peers: usablePeers,
  });
  const sources = (): Source[] => [
    {
      local: true,
      ...own,
      kind: options.host ?? 'admin',
      keys: overview.catalog(),
      damaged: overview.damaged(),
      moved: keystore.transfers.moved(),
    },
    ...usablePeers().map((peer) => ({
      local: false,
      guid: peer.guid,
      hostname: peer.hostname,
      address: peer.address.host,
      kind: 'admin',
      keys: peer.catalog,
      barred: (key: string) => protection.refused(peer.guid, key),
    })),
  ];

  const devices = watchHardware(options, authority, licensed, gone);

  const apply = createLicenseFiles(options, { authority, protection, trials, transfers }, licensed);
  const acts = await openActs({ ledger, clock, alone: options.sharing === undefined, name: `${options.boot}-${clock.wall()}`, onEvent });
  const online = openOnlineTransfers({
    self,
    keystore,
    transfers,
    peers,
    rows: onlineRows,
    clock,
    now: () => wall(Math.max(clock.wall(), authority.time())),
    apply,
    onEvent,
  });
  begun = online;
  const rooms = { authority, applications, peers, protection, transfers, acts, refusals, firstSearch, apply, sources, information };

  return {
    guid: self.guid,
    authority,
    peers,
    answerer,
    overview,
    local: serveApplications(options, rooms),
    transfers,
    online,
    acts,
    audit,
    apply,
    computer() {
      const observed = protection.current();
      if (observed === undefined) return undefined;
      const { virtual = null, container = null } = observed;
      return { virtualMachine: virtual, container };
    },
    suspectTwin(address) {
      const news = protection.duplicates.heard(address.host);
      const remedy = 'Where one of the two is a copy, run on one of them: keyhaven lm new-id';
      onEvent({
        level: news ? 'warn' : 'debug',
        event: 'another computer uses the LM id of this one, or says so',
        address: address.host,
        remedy,
      });
      protection.twins.suspect(address);
    },
    duplicates: () => protection.duplicates.list(),
    administrationRefused: refusals.administration,
    againstRemote: refusals.againstRemote,
    againstIdentified: refusals.againstIdentified,
    changeAccess(rules) {
      const running = [...authority.sessions()].flatMap(({ id, pool, row }) => {
        const vendor = keystore.get(pool.key)?.identity.vendor;
        return vendor === undefined ? [] : [{ id, pool, vendor, row }];
      });
      access?.change(rules, running);
    },
    crossing: () => [...authority.sessions()].filter(({ row }) => isLinked(row.holder)).length + peers.believed().length,
    searched: firstSearch.end,
    async close() {
      devices?.close();
      protection.close();
      answerer.close();
      online.close();
      transfers.close();
      acts.close();
      audit.close();
      await peers.close();
      applications.close();
      authority.close();
    },
  };
};
