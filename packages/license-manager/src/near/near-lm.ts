import { hostname as computerName } from 'node:os';
import { dirname, join } from 'node:path';
import type { Duplex } from 'node:stream';
import type { KeyInfo } from '@keyhaven/core/admin';
import type { Entropy } from '@keyhaven/core/crypto';
import { LicensingError, Status } from '@keyhaven/core/errors';
import type { Observation } from '@keyhaven/core/fingerprint';
import { armor, parseVendorCode } from '@keyhaven/core/license';
import { lmIdentityFrom } from '@keyhaven/core/link';
import { DEFAULT_NEAR_SETTINGS, type NearNote, type NearSettings } from '@keyhaven/core/near-settings';
import { type Clock, MINUTE, SECOND } from '@keyhaven/core/time';
import { createMemoryLedger, openSharedLedger } from '@keyhaven/ledger';
import type { Sharing } from '../authority/index.ts';
import { known, ownSpace } from '../callers/index.ts';
import { type DeviceSource, openKeystore } from '../keystore/index.ts';
import { type Lm, type LmEvent, openLm } from '../lm/index.ts';
import { serveLocalConnection } from '../local/index.ts';
import {
  createTrialMarks,
  machineMarks,
  observeMachine,
  openBinding,
  type ProcessIdentity,
  systemEntropy,
  userStoreMarks,
} from '../machine/index.ts';
import type { PeerAddress, Peers } from '../peers/index.ts';
import { createHttpPost } from '../peers/post.ts';
import { proxyCarriage } from '../peers/proxy.ts';
import type { UpdateResult } from '../updates/index.ts';
import { type NearComputer, thisComputer } from './computer.ts';
import { type Instance, openInstance } from './instance.ts';
import { type LateSearch, searchLater } from './late-search.ts';
import { openNearLogs } from './near-logs.ts';
import { createSigns } from './signs.ts';
import { createNearStation } from './station.ts';
import { openStoreClaim, type StoreClaim } from './store-claim.ts';
import { createSweep } from './sweep.ts';

// An External or Integrated LM (T3, T4): the same license manager as the Admin LM, for one application, on a store that it shares with all
// other near LMs of this user and vendor. It listens on nothing; the application reaches it by the streams that it is given.

export type NearLmOptions = {
  readonly kind: 'external' | 'integrated';
  readonly vendor: number;
  /** The store, shared by all near LMs of this user and vendor; made where it is missing. */
  readonly directory: string;
  readonly settings?: NearSettings;
  /** What of its settings file has no effect; said in the error log. */
  readonly notes?: { readonly file: string; readonly notes: readonly NearNote[] };
  /** Where an Admin LM of this computer would be, whose peers are asked, too (R2); absent = none. */
  readonly adminAddress?: PeerAddress;
  /** The application, as this LM knows it without asking; absent = who its hello says. */
  readonly application?: ProcessIdentity;
  /** Where other license managers listen; 1947 but in tests. */
  readonly searchPort?: number;
  readonly computer?: NearComputer;
  readonly entropy?: Entropy;
  /** What the store is bound to; read from the computer where absent. */
  readonly marks?: readonly string[];
  /** What the computer is recognised by (K6); observed where absent. Never rejects. */
  readonly observe?: () => Promise<Observation>;
  readonly openLedger?: typeof openSharedLedger;
  /** Keys in hardware, in the driverless configuration (T1, K7); absent = none: drivers come later. */
  readonly devices?: DeviceSource;
  readonly onEvent?: (event: LmEvent) => void;
};

export type NearLm = {
  readonly guid: string;
  /** Speaks the local protocol with the application at the other end, until it closes. */
  serve(socket: Duplex): void;
  /** The C2V of a key that waits for its first license, or of one that is here; as text. */
  c2v(of: { readonly vendorCode: string } | { readonly key: string }): Promise<string>;
  /** Applies a license document of this text. */
  apply(text: string): Promise<UpdateResult>;
  /** Ids of the keys in the store. */
  keys(): readonly string[];
  /** The same as lists show them. */
  list(): readonly KeyInfo[];
  readonly peers: Peers;
  /** True when the processes that said who they are have ended, all of them, as far as can be seen. */
  applicationsGone(): boolean;
  /** Ends all sessions; resolves when that is durable. */
  close(): Promise<void>;
};

const OWN_HOST = (): string => computerName().slice(0, 80);
/** L4 does not concern it: its stream lives as long as its application. */
const IDLE_CONNECTION_MS = 20 * 24 * 60 * MINUTE;

/** How long another process may hold the store at the start: less than an application waits for an External LM to answer, so that it is told why. */
const OPENING_MS = 3 * SECOND;
/** What others left behind is looked for so often, besides before a seat is refused. */
const SWEEP_MS = 10 * SECOND;
/**
 * What an application's first login at a key of its user does not need waits for so long, or until somebody needs it: the search for other license
 * managers, the look at the computer (P6).
 */
const QUIET_MS = 100;
/** @returns what ends it */
const every = (clock: Clock, milliseconds: number, task: () => void): (() => void) => {
  let cancel = (): void => undefined;
  const begin = (): void => {
    cancel = clock.after(milliseconds, () => {
      begin();
      task();
    });
  };
  begin();
  return () => cancel();
};

/**
 * @throws LicensingError HARDWARE_MODIFIED (52) where the store was made on another computer, by another user or at another place, SYS_ERR
 * (13) where its directory cannot be used, and as `openSharedLedger`.
 */
export const openNearLm = async (options: NearLmOptions): Promise<NearLm> => {
  const { kind, directory, vendor, settings = DEFAULT_NEAR_SETTINGS, entropy = systemEntropy } = options;
  const computer = options.computer ?? thisComputer();
  const { clock } = computer;
  const hostname = OWN_HOST();
  const onEvent = (event: LmEvent): void => {
    logs.event(event);
    options.onEvent?.(event);
  };
  const logs = openNearLogs({
    directory,
    clock,
    settings,
    onProblem: (event, error) => options.onEvent?.({ level: 'warn', event, error }),
  });
  const closers: (() => Promise<void> | void)[] = [];
  /** Closes everything, whatever fails on the way; then says what failed first. */
  const closeAll = async (): Promise<void> => {
    const faults: unknown[] = [];
    for (const close of closers.splice(0).reverse()) {
      try {
        await close();
      } catch (error) {
        faults.push(error);
      }
    }
    if (faults.length > 0) throw faults[0];
  };
  try {
    closers.push(() => logs.close());
    for (const { line, level, text } of options.notes?.notes ?? [])
      if (level === 'warn') onEvent({ level, event: 'settings file', file: options.notes?.file, line, text });
    const { seal } = await openBinding(directory, entropy, options.marks ?? (await userStoreMarks(directory)));
    const stored = await (options.openLedger ?? openSharedLedger)({
      directory,
      now: () => clock.wall(),
      authenticationKey: seal.key('ledger'),
      openingPatience: OPENING_MS,
    });
    closers.push(() => stored.close());
    const ledger = logs.watch(stored);
    for (const { scope, reason } of ledger.damage()) onEvent({ level: 'error', event: 'state damaged', scope, reason });
    const observe = options.observe ?? observeMachine;
    const signs = createSigns(directory);
    closers.push(() => signs.close());
    /** What is opened later and asked for earlier. */
    const late: { lm?: Lm; search?: LateSearch } = {};
    const instance = await openInstance({ kind, ledger, computer, entropy, signs, onOver: async () => late.lm?.authority.stopped() });
    closers.push(() => instance.close());
    const claim = openStoreClaim({ seal, directory, process: computer.process, clock });
    closers.push(() => claim.close());
    const sweep = createSweep({ ledger, computer, signs, self: () => instance.id });
    await sweep(true);
    const keystore = await openKeystore(ledger, seal, entropy, observe, kind);
    const { proxy } = settings;
    const http = createHttpPost(proxy === 'none' ? {} : { carriage: proxyCarriage(proxy, () => undefined) });
    closers.push(() => http.close());
    const self = lmIdentityFrom(entropy.bytes(32));
    const opened = await openLm({
      // Of this process alone: what it holds at other license managers is its own (R8).
      self,
      host: kind,
      vendor,
      hostname,
      ledger,
      forwarded: logs.watchForwarded(createMemoryLedger({ now: () => clock.wall() })),
      sharing: { instance: claimed(instance, claim), sweep: () => sweep(), onForeign: (listener) => stored.onForeign(listener) },
      keystore,
      clock,
      entropy,
      post: http.post,
      boot: 1,
      idleConnectionMs: IDLE_CONNECTION_MS,
      idleSessionMs: settings.sessionIdleMinutes * MINUTE,
      remoteLicenses:
        settings.remoteLicenses && (settings.addresses.length > 0 || settings.broadcast || options.adminAddress !== undefined),
      onSearchAwaited: () => late.search?.begin(),
      protection: { observe, duplicateKey: 'refuse', laterMs: QUIET_MS },
      running: (process) => computer.running(process, computer.space),
      ...(options.application === undefined ? {} : { callerOf: known(options.application, ownSpace()) }),
      station: createNearStation({
        directory,
        marks: options.marks,
        entropy,
        process: computer.process,
        adminAddress: options.adminAddress,
        onProblem: (error) => onEvent({ level: 'warn', event: 'this computer cannot be proven to other license managers', error }),
      }),
      // Beside the stores of all vendors, so that a new store does not begin trials anew (K8).
      trialMarks: createTrialMarks(join(dirname(directory), 'trials'), options.marks ?? (await machineMarks()), entropy),
      ...(options.devices === undefined ? {} : { devices: options.devices }),
      onKeysChanged: () => undefined,
      onPeersChanged: () => undefined,
      onEvent,
    });
    late.lm = opened;
    closers.push(() => opened.close());
    closers.push(
      every(
        clock,
        SWEEP_MS,
        () =>
          void sweep()
            .then((freed) => (freed ? opened.authority.refresh() : undefined))
            .catch(() => undefined),
      ),
    );
    const { adminAddress, searchPort: port } = options;
    late.search = searchLater(
      { clock, entropy, settings, guid: self.guid, peers: opened.peers, adminAddress, port, onEvent },
      QUIET_MS,
      opened.searched,
    );
    closers.push(() => late.search?.close());
    closers.push(() => opened.peers.leave());
    const releaseAll = async (): Promise<void> => {
      await Promise.all([...opened.authority.sessions()].map((session) => opened.authority.release(session, 'logout')));
      await ledger.update([], () => ({ changes: [], audit: [], reply: undefined }));
    };
    closers.push(releaseAll);

    const applications = new Map<string, ProcessIdentity>(); // BOUNDED by the processes that share the streams of one
    const local: Lm['local'] = {
      ...opened.local,
      onHello(application) {
        const { pid, start } = application;
        // One that cannot be seen from here at all is not seen to end.
        if (computer.running({ pid, start }, computer.space)) applications.set(`${pid}.${start}`, { pid, start });
        opened.local.onHello(application);
      },
    };

    return {
      guid: opened.guid,
      serve: (socket) => serveLocalConnection(socket, local),
      applicationsGone: () =>
        applications.size > 0 && [...applications.values()].every((process) => !computer.running(process, computer.space)),
      async c2v(of) {
        await opened.authority.refresh();
        const key = 'key' in of ? keystore.get(of.key) : await keystore.unlicensed('sl-usermode', ownCode(of.vendorCode, vendor));
        if (key === undefined) throw new LicensingError(Status.KEYID_NOT_FOUND, { detail: `No key of this id is in ${directory}.` });
        return armor('C2V', await keystore.state(key, hostname, clock.wall()));
      },
      apply: opened.apply,
      keys: () => [...keystore.keys()].map(({ identity }) => identity.id),
      list: () => opened.overview.keys().filter(({ local }) => local),
      peers: opened.peers,
      close: closeAll,
    };
  } catch (error) {
    await closeAll().catch(() => undefined);
    throw error;
  }
};

/** Nothing is granted, and no session goes on, by another file than the one that counts. */
const claimed = (instance: Instance, claim: StoreClaim): Sharing['instance'] => ({
  get id() {
    return instance.id;
  },
  get row() {
    return instance.row;
  },
  holds: (rows) => instance.holds(rows),
  verified() {
    const held = claim.held();
    return held === undefined ? instance.verified() : held.then(() => instance.verified());
  },
  renew: () => instance.renew(),
});

/** @throws LicensingError UNKNOWN_VCODE (34) of another vendor, whose keys are in another store */
const ownCode = (text: string, vendor: number) => {
  const code = parseVendorCode(text);
  if (code.vendor === vendor) return code;
  throw new LicensingError(Status.UNKNOWN_VCODE, {
    detail: `The vendor code is of vendor ${code.vendor}, and the store of vendor ${vendor}.`,
  });
};
