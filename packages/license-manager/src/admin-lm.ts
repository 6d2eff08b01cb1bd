import { arch, type as osName, release } from 'node:os';
import type { LmStatus } from '@keyhaven/core/admin';
import type { Entropy } from '@keyhaven/core/crypto';
import type { Entry } from '@keyhaven/core/discovery';
import type { LicensingError } from '@keyhaven/core/errors';
import type { Observation } from '@keyhaven/core/fingerprint';
import { type Clock, MINUTE, SECOND } from '@keyhaven/core/time';
import { type Ledger, openSqliteLedger } from '@keyhaven/ledger';
import { openRunningRules, rulesOf, type Where } from './access/index.ts';
import { openDoors } from './admin-doors.ts';
import { openAdminDropFolder } from './admin-drop-folder.ts';
import { administerKeys, createFingerprints } from './admin-keys.ts';
import { createAdminReport } from './admin-report.ts';
import { type AdminSearch, startAdminSearch } from './admin-search.ts';
import { carriageOf, claimFor, countBoot, ownNames, startsStill, withoutTls } from './admin-start.ts';
import { administrationRemarks, openAdministration, type Remark } from './administration/index.ts';
import type { Authority } from './authority/index.ts';
import { asked, createWitness, type FindOwner, ownSpace, systemOwners } from './callers/index.ts';
import { openCompat } from './compat/index.ts';
import { createAdministeredSettings } from './configuration/administered.ts';
import { type Change, createLiveSettings } from './configuration/live.ts';
import { doctorOfLm } from './doctor/index.ts';
import { createProvenAddresses } from './front/index.ts';
import { type Asset, type HttpFaces, pageStyle } from './http/index.ts';
import { openKeyNames } from './key-names.ts';
import { type DeviceSource, openKeystore } from './keystore/index.ts';
import { listenOn } from './listen-on.ts';
import { type LmEvent, openLm } from './lm/index.ts';
import { aboutIdentity, openLmId } from './lm-id/index.ts';
import {
  createInstallMarks,
  createTrialMarks,
  machineMarks,
  observeMachine,
  openBinding,
  sweepLeftFiles,
  systemClock,
  systemEntropy,
  writePidFile,
} from './machine/index.ts';
import { systemResolve } from './net/index.ts';
import { createJournal, networkPlan } from './network/index.ts';
import { createNotices, noticedLedger } from './notices/index.ts';
import { waitingInfo } from './overview.ts';
import { createHttpPost, refuseBar } from './peers/index.ts';
import { createRecords } from './records.ts';
import { type Settings, settingsFaultOf } from './settings.ts';
import { liveTransferSettings } from './transfer/index.ts';
import { VERSION } from './version.ts';

// The Admin LM: one core joined to this computer's sockets, disk and clock (T1). Starts everything in the order in which it is needed and
// stops it in the other one. Nothing of the rules is here.

export type { LmEvent } from './lm/index.ts';
export { VERSION } from './version.ts';

export type AdminLmOptions = {
  readonly settings: Settings;
  readonly stateDirectory: string;
  readonly clock?: Clock;
  readonly entropy?: Entropy;
  /** Marks of the computer; read from it where absent. */
  readonly machineMarks?: readonly string[];
  /** What the computer is recognised by (K6); observed where absent. Never rejects. */
  readonly observe?: () => Promise<Observation>;
  /** Where the computer remembers its trial and SL Legacy licenses, outside of the state directory (K8); absent = nowhere. */
  readonly trialDirectory?: string;
  /** Keys in hardware (K7); absent = none: drivers come later. */
  readonly devices?: DeviceSource;
  /** Who holds a connection of this computer; asks the system where absent. */
  readonly findOwner?: FindOwner;
  /** Where the settings say a rule of access; absent = nobody knows. */
  readonly where?: Where;
  readonly onEvent?: (event: LmEvent) => void;
  /** One with the same state runs on this computer, and was first: this one is to be closed. */
  readonly onConflict?: (error: LicensingError) => void;
  /** The file that its administrators may write, made by the first change, and what the command line says; absent = none. */
  readonly configuration?: { readonly file: string; readonly overrides: Readonly<Record<string, unknown>> };
  /** The pages of the Admin Control Center (C1); absent = one page that the license manager makes itself. */
  readonly assets?: readonly Asset[];
};

export type AdminLm = {
  readonly guid: string;
  readonly tcp: readonly string[];
  readonly udp: readonly string[];
  readonly authority: Authority;
  readonly ledger: Ledger;
  status(): LmStatus;
  /** Takes over what can change while it runs, and tells what waits for a restart. */
  reconfigure(settings: Settings, where?: Where): Change;
  /** The settings file has a fault, or cannot be read: the previous settings remain in effect until `reconfigure`. Reported to the error log and as degraded. */
  settingsRefused(fault: unknown): void;
  close(): Promise<void>;
};

export const startAdminLm = async (options: AdminLmOptions): Promise<AdminLm> => {
  const { settings, stateDirectory, clock = systemClock, entropy = systemEntropy } = options;
  const { name: hostname } = settings;
  const findOwner = options.findOwner ?? systemOwners();
  const notices = createNotices(clock);
  const onEvent = (event: LmEvent): void => {
    if (event.level !== 'debug') notices.touch('log');
    records.event(event);
    options.onEvent?.(event);
  };
  const live = createLiveSettings(settings);
  const records = createRecords({ stateDirectory, clock, settings: () => live.current, onEvent: (event) => onEvent(event) });
  const startedAt = clock.mono();
  const closers: (() => Promise<void> | void)[] = [];
  const closeAll = async (): Promise<void> => {
    for (const close of closers.splice(0).reverse()) await close();
  };

  try {
    const binding = await openBinding(stateDirectory, entropy, options.machineMarks);
    const claim = await claimFor(stateDirectory, binding, settings, clock, (error) => {
      onEvent({ level: 'error', event: 'another license manager runs with this state', error });
      options.onConflict?.(error);
    });
    closers.push(() => claim.close());
    const stored = await openSqliteLedger({
      directory: stateDirectory,
      now: () => clock.wall(),
      authenticationKey: binding.seal.key('ledger'),
    });
    closers.push(() => stored.close());
    closers.push(() => records.close());
    const ledger = records.watch(noticedLedger(stored, notices.touch));
    for (const { scope, reason } of ledger.damage()) onEvent({ level: 'error', event: 'state damaged', scope, reason });
    if (settings.pidFile) {
      const pidFile = await writePidFile(stateDirectory, process.pid);
      closers.push(() => pidFile.close());
    }
    const left = sweepLeftFiles({
      directory: stateDirectory,
      clock,
      days: () => live.current.temporaryFileDays,
      onDeleted: (file) => onEvent({ level: 'info', event: 'left temporary file deleted', file }),
    });
    closers.push(() => left.close());
    const lmId = await openLmId({ directory: stateDirectory, ...binding, ledger, entropy, crossing: () => lm.crossing(), onEvent });
    const { self, former } = lmId;
    const boot = await countBoot(ledger);
    const observe = options.observe ?? (() => observeMachine(settings.protection.custom));
    const keystore = await openKeystore(ledger, binding.seal, entropy, observe, 'admin', () => live.current.hardwareC2v);
    const keyNames = await openKeyNames(ledger, (key) => keystore.get(key) !== undefined);

    const { trialDirectory } = options;
    const marks = trialDirectory === undefined ? undefined : (options.machineMarks ?? (await machineMarks()));
    const trialMarks = marks === undefined ? undefined : createTrialMarks(trialDirectory ?? '', marks, entropy);
    const installMarks = marks === undefined ? undefined : createInstallMarks(trialDirectory ?? '', marks, entropy);

    const rules = rulesOf(settings.access, options.where);
    const onNobody = (name: string): void =>
      onEvent({ level: 'warn', event: 'a computer that rules name has no address, so it is nobody', name });
    const running = await openRunningRules({ rules, clock, resolve: systemResolve, onNobody });
    closers.push(() => running.close());
    const journal = createJournal(clock, records.noted);
    const httpPost = createHttpPost({ note: journal.note, carriage: await carriageOf(settings, clock, journal.note) });
    closers.push(() => httpPost.close());
    let tellPeers = (): void => undefined;
    // What the ports that open first may ask for before it is there.
    type Begun = { readonly discovery: AdminSearch; readonly status: () => LmStatus; readonly reconfigure: AdminLm['reconfigure'] };
    let begun = undefined as Begun | undefined;
    const inService = (): Begun => {
      if (begun === undefined) throw startsStill();
      return begun;
    };
    // A key in hardware is there before discovery is; nobody has asked by then (D13).
    let tellKeys = (_change: Entry): void => undefined;
    const lm = await openLm({
      self,
      former,
      hostname,
      ledger,
      keystore,
      clock,
      entropy,
      post: httpPost.post,
      boot,
      callerOf: asked(findOwner, clock, entropy, ownSpace()),
      idleConnectionMs: settings.idleConnectionMinutes * MINUTE,
      idleSessionMs: settings.sessionIdleMinutes * MINUTE,
      restIdleMs: () => live.current.rest.idleSeconds * SECOND,
      get remoteLicenses() {
        return live.current.access.remoteLicenses;
      },
      access: rules,
      addressesOf: running.addressesOf,
      protection: { observe, duplicateKey: settings.protection.duplicateKey },
      computer: { version: VERSION, osName: osName(), osVersion: release(), architecture: arch() },
      transfer: liveTransferSettings(() => live.current.detach),
      probes: {
        heard: (...of) => begun?.discovery.probes.heard(...of) ?? false,
        call: (...of) => begun?.discovery.probes.call(...of) ?? false,
      },
      ...(trialMarks === undefined ? {} : { trialMarks }),
      ...(installMarks === undefined ? {} : { installMarks }),
      ...(options.devices === undefined ? {} : { devices: options.devices }),
      keyName: keyNames.nameOf,
      onKeysChanged: ({ identity, counter }, added) =>
        tellKeys({ what: added ? 'added' : 'changed', keyId: BigInt(identity.id), version: counter }),
      onKeyGone: (key) => tellKeys({ what: 'removed', keyId: BigInt(key), version: 0 }),
      onPeersChanged() {
        notices.touch('peers', 'keys', 'features');
        tellPeers();
      },
      onEvent,
    });
    closers.push(() => lm.close());
    const { authority, peers } = lm;
    await records.begin({
      authority,
      acts: lm.acts,
      audit: lm.audit,
      sources: {
        version: VERSION,
        catalog: lm.overview.catalog,
        damaged: lm.overview.damaged,
        remoteSessions: () => peers.sessionCount,
        peers: () => peers.all(),
      },
      isListening: () => begun !== undefined,
    });
    const administration = await openAdministration({ ledger, audit: lm.audit, clock, entropy });
    const administered = createAdministeredSettings({
      file: options.configuration?.file,
      overrides: options.configuration?.overrides ?? {},
      current: () => live.current,
      apply: (configuration) => inService().reconfigure(configuration.settings, configuration.where),
    });

    const fingerprintFor = createFingerprints(self.guid, observe);
    const compat = await openCompat({
      ledger,
      audit: lm.audit,
      seal: binding.seal,
      authority,
      keystore,
      overview: lm.overview,
      clock,
      entropy,
      settings: () => live.current,
      against: lm.againstIdentified,
      fingerprint: fingerprintFor,
    });
    closers.push(() => compat.close());

    const scheduled = () => [...inService().discovery.scheduled(), ...peers.scheduled(), ...lm.online.scheduled()];
    const bind = listenOn(settings);
    const remarks = ({ access }: Settings): readonly Remark[] =>
      administrationRemarks({ access, tls: settings.tls }, bind, administration.passwordSet);
    const administrators = createProvenAddresses(clock.mono);
    const faces: HttpFaces = {
      link: lm.answerer,
      witness: createWitness(self, findOwner, clock),
      overview: lm.overview,
      style: pageStyle,
      get remoteAdministration() {
        return live.current.access.remoteAdministration;
      },
      get page() {
        return live.current.page;
      },
      againstRemote(address, byTls) {
        if (settings.tls.peers === 'require' && !byTls) return withoutTls();
        const bar = lm.againstRemote(address);
        return bar && refuseBar(bar);
      },
      administrationRefused: lm.administrationRefused,
      administratorAt: administrators.note,
      hostNames: () => ownNames(hostname, live.current.access.publicAddress),
      status: () => inService().status(),
      fresh: () => peers.refresh(),
      audit: (query) => ledger.audit(query),
      perform: lm.acts.perform,
      ...administerKeys({ lm, ledger, keystore, keyNames, hostname, fingerprintFor, clock, notices, onEvent }),
      newId: lmId.create,
      apply: lm.apply,
      transfers: lm.transfers,
      online: lm.online,
      network: { clock, journal, plan: () => networkPlan(live.current), scheduled },
      doctor: doctorOfLm({
        addressesOf: running.addressesOf,
        clock,
        entropy,
        note: journal.note,
        identity: self,
        settings: () => live.current,
        questions: () => inService().discovery.questions,
        peers,
      }),
      administration,
      notices,
      settings: {
        read: administered.read,
        async change(changes, by) {
          inService();
          const change = await administered.change(changes);
          const detail = { settings: Object.keys(changes).join(' ').slice(0, 1_000), address: by };
          await ledger.update([], () => ({ changes: [], audit: [{ kind: 'settings written', scope: 'lm', detail }], reply: undefined }));
          return change;
        },
      },
      waiting: () => waitingInfo(authority),
      diagnostics: createAdminReport({
        lm,
        ledger,
        clock,
        settings: () => live.current,
        settingRows: administered.read,
        status: () => inService().status(),
        scheduled,
        remarks,
      }),
      records: records.faces,
      ...(options.assets === undefined ? {} : { assets: options.assets }),
      compat,
    };
    const isKnown = (address: string): boolean => lm.answerer.isLinkedFrom(address) || administrators.has(address);
    const doors = await openDoors({ settings, bind, clock, faces, local: lm.local, note: journal.note, isKnown, onEvent });
    closers.push(() => doors.close());
    closers.push(() => journal.close());
    journal.listen(
      () => notices.touch('network'),
      () => undefined,
    );
    closers.push(() => notices.close());

    const discovery = await startAdminSearch({
      lm,
      keystore,
      settings,
      bind,
      boot,
      clock,
      entropy,
      note: journal.note,
      onEvent,
    });
    closers.push(() => discovery.stop());
    tellKeys = discovery.keyChanged;
    tellPeers = discovery.peersChanged;
    const status = (computer = lm.computer()): LmStatus => ({
      guid: self.guid,
      name: hostname,
      version: VERSION,
      uptime: Math.floor((clock.mono() - startedAt) / SECOND),
      tcp: doors.addresses,
      ...(settings.adminPort === undefined ? {} : { adminPort: settings.adminPort }),
      udp: discovery.addresses,
      sessions: authority.sessionCount,
      keys: [...keystore.keys()].length,
      peers: peers.all().filter((peer) => peer.state === 'linked').length,
      ...aboutIdentity(lm.duplicates(), lmId.pending()),
      ...(computer === undefined ? {} : { computer }),
    });
    const dropFolder = await openAdminDropFolder({ lm, ledger, keystore, settings, stateDirectory, clock, onEvent });
    closers.push(() => dropFolder.close());
    for (const remark of remarks(settings)) onEvent({ level: 'warn', event: 'administration', ...remark });
    onEvent({ level: 'info', event: 'started', guid: self.guid, tcp: doors.addresses, udp: discovery.addresses });
    const reconfigure = (next: Settings, where?: Where): Change => {
      const change = live.change(next);
      records.settingsFault(undefined);
      const { current } = live;
      if (change.now.some((path) => path.startsWith('search.') || path === 'access.remoteLicenses')) {
        discovery.follow(current);
      }
      // Also where nothing of them has changed: they may be at other lines.
      running.change(rulesOf(current.access, where), lm.changeAccess);
      if (change.now.includes('access.remoteAdministration'))
        for (const remark of remarks(current)) onEvent({ level: 'warn', event: 'administration', ...remark });
      const entry = { kind: 'settings changed', scope: 'lm', detail: { now: change.now.join(' '), restart: change.restart.join(' ') } };
      lm.audit.write(entry);
      return change;
    };
    const settingsRefused = (fault: unknown): void => {
      const { brief, full, detail, remedy } = settingsFaultOf(fault);
      records.settingsFault({ brief, full });
      onEvent({
        level: 'error',
        event: 'settings not changed',
        fault: detail,
        remedy: `${remedy} The previous settings remain in effect.`,
      });
    };
    begun = { discovery, status, reconfigure };
    return {
      guid: self.guid,
      tcp: doors.addresses,
      udp: discovery.addresses,
      authority,
      ledger,
      status,
      reconfigure,
      settingsRefused,
      close: closeAll,
    };
  } catch (error) {
    await closeAll().catch(() => undefined);
    throw error;
  }
};
