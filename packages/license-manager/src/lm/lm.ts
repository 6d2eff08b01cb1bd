import { Buffer } from 'node:buffer';
import type { Entropy } from '@keyhaven/core/crypto';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { armor, unarmor } from '@keyhaven/core/license';
import type { LmIdentity } from '@keyhaven/core/link';
import { type Clock, SECOND } from '@keyhaven/core/time';
import type { AccessRules } from '@keyhaven/core/users';
import type { Find, Found, Hello } from '@keyhaven/core/wire';
import type { AuditEntry, Ledger } from '@keyhaven/ledger';
import { createAccess, createDeniedClients } from '../access/index.ts';
import { createApplications } from '../applications.ts';
import { type Authority, openAuthority } from '../authority/index.ts';
import { candidatesFor, type Source } from '../candidates.ts';
import { type Computer, createInformation, partsOf, textParts } from '../information/index.ts';
import type { Key, Keystore } from '../keystore/index.ts';
import type { LocalConnectionOptions, Route } from '../local/index.ts';
import type { ProcessIdentity, TrialMarks } from '../machine/index.ts';
import { createOverview, type Overview } from '../overview.ts';
import { createLinkAnswerer, type LinkAnswerer, openPeers, type PeerAddress, type Peers, type Post } from '../peers/index.ts';
import { openProtection, type ProtectionSettings } from '../protection/index.ts';
import { DEFAULT_TRANSFER_SETTINGS, openTransfers, type TransferSettings, type Transfers } from '../transfer/index.ts';
import { openTrials } from '../trial/index.ts';
import { createUpdates, sayResult, type UpdateResult } from '../updates/index.ts';

// A license manager without sockets, disks and clocks of its own: the authority for the keys here, the other LMs, the applications of this
// computer, and how they are joined. The hosts (T1) give it a ledger, a way to other LMs and connections of applications; the
// simulated world gives it simulated ones. Nothing of the rules is here.

/** Something that happened, for logs. `level` as in pino. */
export type LmEvent = { readonly level: 'debug' | 'info' | 'warn' | 'error'; readonly event: string; readonly [detail: string]: unknown };

export type LmOptions = {
  readonly self: LmIdentity;
  readonly hostname: string;
  readonly ledger: Ledger;
  readonly keystore: Keystore;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly post: Post;
  /** How often this LM has started; makes its catalog versions differ from those before. */
  readonly boot: number;
  readonly idleConnectionMs: number;
  readonly idleSessionMs: number;
  /** Applications here may use keys of other LMs. */
  readonly remoteLicenses: boolean;
  /** For whoever asks what is here; absent where the host does not know. */
  readonly computer?: Computer;
  /** Clone protection (K6, K9); absent = only the license time. */
  readonly protection?: ProtectionSettings;
  /** Who may take which seat; absent = everybody every one (R9). */
  readonly access?: AccessRules;
  /** Whether a process of this computer runs; asks the system where absent. */
  readonly running?: (process: ProcessIdentity) => boolean;
  /** Detaching; as an administrator's default where absent (K5). */
  readonly transfer?: TransferSettings;
  /** What this computer remembers of trial licenses outside of the ledger; absent = nothing (K8). */
  readonly trialMarks?: TrialMarks;
  /** `added`: the key was not here before. */
  readonly onKeysChanged: (key: Key, added: boolean) => void;
  /** A key was given back or moved to another computer. */
  readonly onKeyGone?: (key: string) => void;
  /** The state or the address of another LM changed. */
  readonly onPeersChanged: () => void;
  readonly onEvent: (event: LmEvent) => void;
};

export type Lm = {
  readonly authority: Authority;
  readonly peers: Peers;
  readonly answerer: LinkAnswerer;
  readonly overview: Overview;
  /** For `serveLocalConnection`. */
  readonly local: LocalConnectionOptions;
  readonly transfers: Transfers;
  /** Applies a license document of this text. */
  apply(text: string): Promise<UpdateResult>;
  /** Somebody at this address uses the GUID of this LM, or says so (K9). */
  suspectTwin(address: PeerAddress): void;
  close(): Promise<void>;
};

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

  const access = options.access === undefined ? undefined : createAccess(options.access);
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
    onAttached: (party, session, channel) => {
      if (party.holder !== 'local') answerer.attached(channel, session);
    },
    onAway: ({ row }) => {
      if (row.holder === 'local') applications.away({ pid: row.pid, start: row.start });
    },
    onEnded: (session, cause) => {
      onEvent({ level: 'info', event: 'session ended', session: session.id, key: session.pool.key, feature: session.pool.feature, cause });
      if (session.row.holder !== 'local') answerer.ended(session.row.holder, session.id);
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
    ledger,
    onAway: (process) => applications.away(process),
    onChange({ guid, state }) {
      onEvent({ level: 'debug', event: `peer ${state}`, guid });
      options.onPeersChanged();
      protection.peersChanged();
    },
  });
  for (const session of authority.sessions()) {
    if (session.row.holder === 'local') applications.away({ pid: session.row.pid, start: session.row.start });
  }

  protection.begin(authority, peers);

  let catalogVersion = Math.max(1, options.boot) * 65_536;
  const own = { guid: self.guid, hostname, address: '127.0.0.1' };
  const overview = createOverview({ self: own, keystore, authority, peers, protection });
  const deniedClients = createDeniedClients();
  const note = (entry: AuditEntry): void => {
    ledger.update([], () => ({ changes: [], audit: [entry], reply: undefined }), { durability: 'later' }).catch(() => undefined);
  };
  const answerer = createLinkAnswerer({
    self,
    hostname,
    clock,
    entropy,
    authority,
    twins: protection.twins,
    against(client) {
      const bar = access?.againstClient(client);
      const entry = bar === undefined ? undefined : deniedClients(client, bar, clock.mono());
      if (entry !== undefined) note(entry);
      return bar;
    },
    catalog: () => ({ version: catalogVersion, keys: () => overview.catalog() }),
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
      catalogVersion += 1;
      options.onKeyGone?.(key);
    },
    onEvent,
  });

  let firstSearch: Promise<void> | undefined = new Promise<void>((done) => clock.after(FIRST_SEARCH_MS, done)).then(() => {
    firstSearch = undefined;
  });
  const usablePeers = () => (options.remoteLicenses ? peers.all() : []).filter((peer) => peer.state === 'linked');
  const information = createInformation({
    self: own,
    computer: options.computer,
    keystore,
    authority,
    clock,
    idleTimeoutMs: options.idleSessionMs,
    startedAt: clock.mono(),
    time: () => protection.guard.time(),
    observed: () => protection.observed(),
    peers: usablePeers,
  });
  const sources = (): Source[] => [
    { local: true, ...own, kind: 'admin', keys: overview.catalog(), damaged: overview.damaged(), moved: keystore.transfers.moved() },
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
      catalogVersion += 1;
      protection.licensed(key);
      options.onKeysChanged(key, added);
      onEvent({ level: 'info', event: 'license applied', key: key.identity.id, counter: key.counter });
    },
  });

  const apply: Lm['apply'] = async (text) => {
    const { kind, bytes } = unarmor(text);
    if (kind === 'H2R' || kind === 'R2H' || kind === 'H2H') {
      const { key, added } = await transfers.apply(kind, bytes);
      catalogVersion += 1;
      protection.licensed(key);
      options.onKeysChanged(key, added);
      return { key: key.identity.id, updateCounter: key.counter };
    }
    if (kind === 'trial') {
      const key = await trials.apply(bytes);
      catalogVersion += 1;
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
        try {
          return attempt();
        } catch (error) {
          // What was lost a moment ago may be there again, long before the next search finds it.
          if (firstSearch === undefined && !(await peers.reconnect())) throw error;
        }
        await firstSearch;
        return attempt();
      } catch (error) {
        noteRefusal(question, application, error);
        throw error;
      }
    },
    async ask(question) {
      await firstSearch;
      return partsOf(await information(question));
    },
    async transfer(wish, application) {
      const { user, host, pid } = application;
      onEvent({ level: 'info', event: 'transfer asked for', action: wish.action, user, host, pid, application: application.application });
      return textParts(await transfers.forApplication(wish, sources(), user));
    },
    open(target, application, events): Route {
      const process = { pid: application.pid, start: application.start };
      if (target.lm !== self.guid && target.lm !== '') {
        const bar = protection.refused(target.lm, target.key);
        if (bar !== undefined) throw new LicensingError(bar.status, { detail: bar.detail });
        return peers.open(target.lm, target, process, events);
      }
      const party = { holder: 'local', address: '127.0.0.1', process };
      const channel = authority.open(
        target.key,
        target.opening,
        party,
        (record) => events.record(record),
        (error) => events.lost(error),
      );
      events.opened(channel.answer);
      return channel;
    },
    async update(document) {
      return sayResult(await apply(Buffer.from(document).toString('latin1')));
    },
    onHello: (application) => applications.connected(application),
    onClosed(application, reason) {
      if (application !== undefined) applications.disconnected(application);
      onEvent({ level: 'debug', event: 'application disconnected', pid: application?.pid, reason });
    },
  };

  return {
    authority,
    peers,
    answerer,
    overview,
    local,
    transfers,
    apply,
    suspectTwin: (address) => protection.twins.suspect(address),
    async close() {
      protection.close();
      answerer.close();
      transfers.close();
      await peers.close();
      applications.close();
      authority.close();
    },
  };
};
