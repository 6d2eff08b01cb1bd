import { Buffer } from 'node:buffer';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { serves } from '@keyhaven/core/hosts';
import { armor, unarmor } from '@keyhaven/core/license';
import { isLinked } from '@keyhaven/core/seats';
import { SECOND } from '@keyhaven/core/time';
import type { Find, Found, Hello } from '@keyhaven/core/wire';
import type { AuditEntry } from '@keyhaven/ledger';
import { createAccess, type RuleBar } from '../access/access.ts';
import { createDeniedClients, type DeniedClient } from '../access/denied-clients.ts';
import { createApplications } from '../applications.ts';
import { openAuthority } from '../authority/index.ts';
import { candidatesFor, type Source } from '../candidates.ts';
import { watchDevices } from '../devices/index.ts';
import { createInformation, partsOf, textParts } from '../information/index.ts';
import { createLegacies } from '../legacy/index.ts';
import { type LocalConnectionOptions, type Route, routeLater } from '../local/index.ts';
import { createOverview } from '../overview.ts';
import { createOwnCatalog } from '../own-catalog.ts';
import { createLinkAnswerer, openPeers, tellUnspoken } from '../peers/index.ts';
import { openProtection } from '../protection/index.ts';
import { DEFAULT_TRANSFER_SETTINGS, openTransfers } from '../transfer/index.ts';
import { openTrials } from '../trial/index.ts';
import { createUpdates, sayResult } from '../updates/index.ts';
import type { Lm, LmOptions } from './types.ts';

// A license manager without sockets, disks and clocks of its own: the authority for the keys here, the other LMs, the applications of this
// computer, and how they are joined. The hosts (T1) give it a ledger, a way to other LMs and connections of applications; the
// simulated world gives it simulated ones. Nothing of the rules is here.

/** Something that happened, for logs. `level` as in pino. */

/** An application's first question may come before the first search is over; it waits so long for what the search finds. */
const FIRST_SEARCH_MS = 1.5 * SECOND;
/** After the disk refused the release of an ended application's seats. */
const RELEASE_AGAIN_MS = 5 * SECOND;

export const openLm = async (options: LmOptions): Promise<Lm> => {
  const { self, hostname, ledger, keystore, clock, entropy, onEvent } = options;
  const protection = await openProtection({
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

  const access =
    options.access === undefined
      ? undefined
      : createAccess(options.access, {
          ...(options.addressesOf === undefined ? {} : { addressesOf: options.addressesOf }),
          onBarred: ({ user, host, address, holder }, { key, product, feature }, { rule, place, status }) =>
            onEvent({
              level: 'info',
              event: 'login refused by a rule',
              status,
              rule,
              ...place,
              user,
              host,
              address,
              holder,
              key,
              product,
              feature,
            }),
        });
  const trials = await openTrials({
    ledger,
    keystore,
    marks: options.trialMarks,
    time: () => protection.guard.time(),
    onProblem: (error) => onEvent({ level: 'warn', event: 'the mark of a trial license is not kept', error }),
  });
  const authority = await openAuthority({
    ledger,
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
  const peers = await openPeers({
    self,
    hostname,
    clock,
    entropy,
    post: options.post,
    ledger: options.forwarded ?? ledger,
    onAway: (process) => applications.away(process),
    onChange({ guid, state }) {
      onEvent({ level: 'debug', event: `peer ${state}`, guid, keys: peers.get(guid)?.catalog.length ?? 0 });
      options.onPeersChanged();
      protection.peersChanged();
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

  const own = { guid: self.guid, hostname, address: '127.0.0.1' };
  const overview = createOverview({
    self: own,
    keystore,
    authority,
    peers,
    protection,
    available: (key, product) => transfers.available(key, product),
    ...(options.keyName === undefined ? {} : { nameOf: options.keyName }),
    idle: { clock, timeoutMs: options.idleSessionMs },
  });
  const ownCatalog = createOwnCatalog({ boot: options.boot, entropy, keys: () => overview.catalog() });
  const deniedClients = createDeniedClients();
  const note = (entry: AuditEntry): void => {
    ledger.update([], () => ({ changes: [], audit: [entry], reply: undefined }), { durability: 'later' }).catch(() => undefined);
  };
  /** The audit and the log have what a rule says against another computer. */
  const noted = (client: DeniedClient, bar: RuleBar | undefined): RuleBar | undefined => {
    const entry = bar === undefined ? undefined : deniedClients(client, bar, clock.mono());
    if (entry !== undefined && bar !== undefined) {
      note(entry);
      onEvent({ level: 'info', event: 'computer refused by a rule', status: bar.status, rule: bar.rule, ...bar.place, ...client });
    }
    return bar;
  };
  const answerer = createLinkAnswerer({
    self,
    hostname,
    clock,
    entropy,
    authority,
    twins: protection.twins,
    ...(options.probes === undefined ? {} : { probes: options.probes }),
    against: (client) => noted(client, access?.againstRemote() ?? access?.againstClient(client)),
    catalog: ownCatalog.current,
    changes: ownCatalog.changes,
    onCallers: options.onPeersChanged,
  });

  const transfers = await openTransfers({
    self,
    hostname,
    ledger,
    keystore,
    authority,
    clock,
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
    against(to, of, features) {
      const bar = access?.againstDetach(to, of, features);
      if (bar !== undefined) {
        const detail = { product: of.product, user: to.user ?? null, host: to.host, holder: to.guid, address: null, application: null };
        note({ kind: 'refused', scope: of.key, detail: { ...detail, status: bar.status, cause: bar.detail, rule: bar.rule } });
      }
      return bar;
    },
    virtualMachine: async () => (await options.protection?.observe())?.host === 'virtual',
    onGone(key) {
      ownCatalog.touch();
      options.onKeyGone?.(key);
    },
    onEvent,
  });

  let firstSearch: Promise<void> | undefined;
  let searched = (): void => undefined;
  if (options.remoteLicenses) {
    firstSearch = new Promise<void>((done) => {
      searched = done;
      clock.after(FIRST_SEARCH_MS, done);
    }).then(() => {
      firstSearch = undefined;
    });
  }
  const afterFirstSearch = async (): Promise<void> => {
    if (firstSearch !== undefined) options.onSearchAwaited?.();
    await firstSearch;
  };
  const usablePeers = () => (options.remoteLicenses ? peers.all() : []).filter((peer) => peer.state === 'linked');
  const information = createInformation({
    self: own,
    computer: options.computer,
    keystore,
    authority,
    clock,
    idleTimeoutMs: options.idleSessionMs,
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

  const updates = createUpdates({
    authority,
    keystore,
    state: async (key) => armor('C2V', await keystore.state(key, hostname, clock.wall())),
    onApplied(key, added) {
      ownCatalog.touch();
      protection.licensed(key);
      options.onKeysChanged(key, added);
      onEvent({ level: 'info', event: 'license applied', key: key.identity.id, counter: key.counter });
    },
  });

  const legacies = createLegacies({
    self,
    host: options.host ?? 'admin',
    authority,
    keystore,
    marks: options.installMarks,
    observed: () => protection.observed(),
    onProblem: (error) => onEvent({ level: 'warn', event: 'the mark of a legacy license is not kept', error }),
  });
  const devices =
    options.devices === undefined
      ? undefined
      : watchDevices(options.devices, {
          keystore,
          authority,
          clock,
          onAttached(key) {
            ownCatalog.touch();
            protection.licensed(key);
            options.onKeysChanged(key, true);
            onEvent({ level: 'info', event: 'key plugged in', key: key.identity.id });
          },
          onGone(key) {
            ownCatalog.touch();
            options.onKeyGone?.(key);
            onEvent({ level: 'info', event: 'key unplugged', key });
          },
          onProblem: (key, error) => onEvent({ level: 'warn', event: 'a key in hardware is not served', key, error }),
        });

  const apply: Lm['apply'] = async (text) => {
    const { kind, bytes } = unarmor(text);
    await authority.refresh();
    if (kind === 'H2R' || kind === 'R2H' || kind === 'H2H') {
      const { key, added } = await transfers.apply(kind, bytes);
      ownCatalog.touch();
      protection.licensed(key);
      options.onKeysChanged(key, added);
      return { key: key.identity.id, updateCounter: key.counter };
    }
    if (kind === 'legacy') {
      const { key, added } = await legacies.apply(bytes);
      ownCatalog.touch();
      protection.licensed(key);
      options.onKeysChanged(key, added);
      onEvent({ level: 'info', event: 'legacy license applied', key: key.identity.id, counter: key.counter });
      return { key: key.identity.id, updateCounter: key.counter };
    }
    if (kind === 'trial') {
      const key = await trials.apply(bytes);
      ownCatalog.touch();
      protection.licensed(key);
      options.onKeysChanged(key, true);
      onEvent({ level: 'info', event: 'trial license applied', key: key.identity.id });
      return { key: key.identity.id, updateCounter: key.counter };
    }
    if (kind === 'V2C' || kind === 'V2CP') return updates(kind, bytes);
    throw new LicensingError(Status.INV_UPDATE_OBJ, { detail: `The file is a ${kind}, not a license.` });
  };

  /** A login that found no key at all is a refusal too, and administrators ask for its cause. */
  const noteRefusal = (question: Find, application: Hello, error: unknown): void => {
    if (!(error instanceof LicensingError)) return;
    const { pid, user, host, application: name } = application;
    const asked = { vendor: question.vendor, feature: question.feature, pid, user, host, application: name };
    note({ kind: 'refused', scope: 'lm', detail: { ...asked, status: error.status, cause: error.detail ?? error.message } });
  };

  /** What applications do to licenses is in the audit as what administrators do, with who and how it ended (C5). */
  const noteAct = async <T>(act: string, application: Hello | undefined, work: () => Promise<T>): Promise<T> => {
    const { pid = 0, user = '', host = '', application: name = '' } = application ?? {};
    const told = (end: { readonly status: number; readonly cause?: string }): void =>
      note({
        kind: 'administration',
        scope: 'lm',
        detail: { act, by: 'application', address: '127.0.0.1', user, host, pid, application: name, ...end },
      });
    try {
      const answer = await work();
      told({ status: Status.OK });
      return answer;
    } catch (error) {
      const status = error instanceof LicensingError ? error.status : Status.INT_ERR;
      told({ status, cause: (error instanceof Error ? error.message : String(error)).slice(0, 300) });
      throw error;
    }
  };

  const local: LocalConnectionOptions = {
    clock,
    self: { guid: self.guid, hostname, idleMs: options.idleConnectionMs },
    async find(question, application) {
      const attempt = (): Found => ({
        request: question.request,
        status: Status.OK,
        detail: '',
        candidates: candidatesFor(question, sources()),
      });
      try {
        await authority.refresh();
        try {
          return attempt();
        } catch (error) {
          // What was lost a moment ago may be there again, long before the next search finds it.
          if (firstSearch === undefined && !(await peers.reconnect())) throw error;
        }
        await afterFirstSearch();
        return attempt();
      } catch (error) {
        const told = tellUnspoken(error, peers.unspoken(), peers.identitiesAsked());
        noteRefusal(question, application, told);
        throw told;
      }
    },
    async ask(question) {
      await authority.refresh();
      await afterFirstSearch();
      return partsOf(await information(question));
    },
    async transfer(wish, application) {
      const { user, host, pid } = application;
      onEvent({ level: 'info', event: 'transfer asked for', action: wish.action, user, host, pid, application: application.application });
      return noteAct(`transfer ${wish.action}`, application, async () => {
        await authority.refresh();
        return textParts(await transfers.forApplication(wish, sources(), user));
      });
    },
    open(target, application, events): Route {
      const process = { pid: application.pid, start: application.start };
      // By a GUID that it had before an application comes back to a key that is here; of any other key, that is somebody else by now.
      const before = options.former?.has(target.lm) === true && keystore.get(target.key) !== undefined;
      if (target.lm !== self.guid && target.lm !== '' && !before) {
        const bar = protection.refused(target.lm, target.key);
        if (bar !== undefined) throw new LicensingError(bar.status, { detail: bar.detail });
        return peers.open(target.lm, target, process, events);
      }
      const party = { holder: 'local', address: '127.0.0.1', process };
      const opening = [
        target.key,
        target.opening,
        party,
        (record: Uint8Array) => events.record(record),
        (error: LicensingError) => events.lost(error),
      ] as const;
      const atDevice = authority.openAtDevice(...opening);
      if (atDevice !== undefined) return routeLater(atDevice, events);
      const channel = authority.open(...opening);
      events.opened(channel.answer);
      return channel;
    },
    update: (document, application) =>
      noteAct('update', application, async () => sayResult(await apply(Buffer.from(document).toString('latin1')))),
    onHello: (application) => applications.connected(application),
    onClosed(application, reason) {
      if (application !== undefined) applications.disconnected(application);
      onEvent({ level: 'debug', event: 'application disconnected', pid: application?.pid, reason });
    },
  };

  return {
    guid: self.guid,
    authority,
    peers,
    answerer,
    overview,
    local,
    transfers,
    apply,
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
    administrationRefused(address, { status, detail = '' }) {
      noted({ address, host: undefined, holder: undefined }, { status, detail, rule: 'administration' });
    },
    againstRemote: (address) => noted({ address, host: undefined, holder: undefined }, access?.againstRemote()),
    againstIdentified(address) {
      const client = { address, host: undefined, holder: undefined };
      return noted(client, access?.againstRemote(true) ?? access?.againstClient(client));
    },
    changeAccess(rules) {
      const running = [...authority.sessions()].flatMap(({ id, pool, row }) => {
        const vendor = keystore.get(pool.key)?.identity.vendor;
        return vendor === undefined ? [] : [{ id, pool, vendor, row }];
      });
      access?.change(rules, running);
    },
    crossing: () => [...authority.sessions()].filter(({ row }) => isLinked(row.holder)).length + peers.believed().length,
    searched: () => searched(),
    async close() {
      devices?.close();
      protection.close();
      answerer.close();
      transfers.close();
      await peers.close();
      applications.close();
      authority.close();
    },
  };
};
