import { Buffer } from 'node:buffer';
import { readFile } from 'node:fs/promises';
import { arch, networkInterfaces, type as osName, release } from 'node:os';
import { join } from 'node:path';
import { createSecureContext, type SecureContext } from 'node:tls';
import type { LmStatus } from '@keyhaven/core/admin';
import type { Entropy } from '@keyhaven/core/crypto';
import { LicensingError, Status } from '@keyhaven/core/errors';
import type { Observation } from '@keyhaven/core/fingerprint';
import { armor, parseVendorCode } from '@keyhaven/core/license';
import { type Clock, MINUTE, SECOND } from '@keyhaven/core/time';
import { type Ledger, openSqliteLedger } from '@keyhaven/ledger';
import { rulesOf } from './access/index.ts';
import type { Authority } from './authority/index.ts';
import { openFront } from './front/index.ts';
import { createHttpServer, type HttpFaces, pageStyle } from './http/index.ts';
import { openKeystore } from './keystore/index.ts';
import { type LmEvent, openLm } from './lm/index.ts';
import { serveLocalConnection } from './local/index.ts';
import { createTrialMarks, machineMarks, observeMachine, openBinding, systemClock, systemEntropy } from './machine/index.ts';
import { type RunningDiscovery, startDiscovery } from './net/index.ts';
import { createHttpPost } from './peers/index.ts';
import type { Settings } from './settings.ts';
import { openDropFolder, vendorInText } from './updates/index.ts';

// The Admin LM: one core joined to this computer's sockets, disk and clock (T1). Starts everything in the order in which it is needed and
// stops it in the other one. Nothing of the rules is here.

export const VERSION = '0.1.0';

export type { LmEvent } from './lm/index.ts';

export type AdminLmOptions = {
  readonly settings: Settings;
  readonly stateDirectory: string;
  readonly clock?: Clock;
  readonly entropy?: Entropy;
  /** Marks of the computer; read from it where absent. */
  readonly machineMarks?: readonly string[];
  /** What the computer is recognised by (K6); observed where absent. Never rejects. */
  readonly observe?: () => Promise<Observation>;
  /** Where the computer remembers its trial licenses, outside of the state directory (K8); absent = nowhere. */
  readonly trialDirectory?: string;
  readonly onEvent?: (event: LmEvent) => void;
};

export type AdminLm = {
  readonly guid: string;
  readonly tcp: readonly string[];
  readonly udp: readonly string[];
  readonly authority: Authority;
  readonly ledger: Ledger;
  status(): LmStatus;
  close(): Promise<void>;
};

export const startAdminLm = async (options: AdminLmOptions): Promise<AdminLm> => {
  const { settings, stateDirectory, clock = systemClock, entropy = systemEntropy, onEvent = () => undefined } = options;
  const { name: hostname } = settings;
  const startedAt = clock.mono();
  const closers: (() => Promise<void> | void)[] = [];
  const closeAll = async (): Promise<void> => {
    for (const close of closers.splice(0).reverse()) await close();
  };

  try {
    const binding = await openBinding(stateDirectory, entropy, options.machineMarks);
    const { identity: self } = binding;
    const ledger = await openSqliteLedger({
      directory: stateDirectory,
      now: () => clock.wall(),
      authenticationKey: binding.seal.key('ledger'),
    });
    closers.push(() => ledger.close());
    for (const { scope, reason } of ledger.damage()) onEvent({ level: 'error', event: 'state damaged', scope, reason });
    const boot = await countBoot(ledger);
    const observe = options.observe ?? (() => observeMachine(settings.protection.custom));
    const keystore = await openKeystore(ledger, binding.seal, entropy, observe);

    const { trialDirectory } = options;
    const marks = trialDirectory === undefined ? undefined : (options.machineMarks ?? (await machineMarks()));
    const trialMarks = marks === undefined ? undefined : createTrialMarks(trialDirectory ?? '', marks, entropy);

    const httpPost = createHttpPost();
    closers.push(() => httpPost.close());
    let tellPeers = (): void => undefined;
    const lm = await openLm({
      self,
      hostname,
      ledger,
      keystore,
      clock,
      entropy,
      post: httpPost.post,
      boot,
      idleConnectionMs: settings.idleConnectionMinutes * MINUTE,
      idleSessionMs: settings.sessionIdleMinutes * MINUTE,
      remoteLicenses: settings.access.remoteLicenses,
      access: rulesOf(settings.access),
      protection: { observe, duplicateKey: settings.protection.duplicateKey },
      computer: { version: VERSION, osName: osName(), osVersion: release(), architecture: arch() },
      transfer: { enabled: settings.detach.enabled, maxDays: settings.detach.maxDays },
      ...(trialMarks === undefined ? {} : { trialMarks }),
      onKeysChanged: ({ identity, counter }, added) =>
        discovery.keysChanged([{ what: added ? 'added' : 'changed', keyId: BigInt(identity.id), version: counter }]),
      onKeyGone: (key) => discovery.keysChanged([{ what: 'removed', keyId: BigInt(key), version: 0 }]),
      onPeersChanged: () => tellPeers(),
      onEvent,
    });
    closers.push(() => lm.close());
    const { authority, peers } = lm;

    const faces: HttpFaces = {
      link: lm.answerer,
      overview: lm.overview,
      style: pageStyle,
      remoteAdministration: settings.access.remoteAdministration,
      remoteClients: settings.access.remoteClients,
      hostNames: () => ownNames(hostname),
      status: () => status(),
      fresh: () => peers.refresh(),
      audit: (query) => ledger.audit(query),
      async kill(id, by) {
        const session = authority.session(id);
        if (session === undefined || session.ending !== undefined)
          throw new LicensingError(Status.INV_HND, {
            detail: `No session has the id ${id.slice(0, 64)}.`,
            remedy: 'List the sessions with: keyhaven sessions',
          });
        onEvent({ level: 'warn', event: 'session killed', session: id, by });
        await authority.release(session, 'killed');
      },
      apply: lm.apply,
      transfers: lm.transfers,
      async c2v(wanted) {
        if ('type' in wanted && wanted.type === 'sl-usermode') {
          throw new LicensingError(Status.REQ_NOT_SUPP, {
            detail: 'An Admin LM does not hold SL UserMode keys (T1).',
            remedy: 'Ask for a key of type sl-adminmode.',
          });
        }
        const key = 'key' in wanted ? keystore.get(wanted.key) : await keystore.unlicensed(wanted.type, parseVendorCode(wanted.vendorCode));
        if (key === undefined) throw new LicensingError(Status.KEYID_NOT_FOUND, { detail: 'No key of this id is on this computer.' });
        return armor('C2V', await keystore.state(key, hostname, clock.wall()));
      },
    };
    const http = await createHttpServer(faces);
    closers.push(() => http.close());

    const front = await openFront({
      bind: settings.bind,
      port: settings.port,
      clock,
      limits: {
        connections: settings.limits.connections,
        connectionsPerAddress: settings.limits.connectionsPerAddress,
        firstByteMs: settings.limits.firstByteSeconds * SECOND,
      },
      tls: await secureContext(settings),
      onLocal: (socket) => serveLocalConnection(socket, lm.local),
      onHttp: (socket) => void http.server.emit('connection', socket),
      onRefused: (reason, address) => onEvent({ level: 'debug', event: 'connection refused', reason, address }),
    });
    closers.push(() => front.close());

    const discovery: RunningDiscovery = await startDiscovery({
      clock,
      guid: self.guid,
      tcpPort: settings.port,
      bootCount: boot,
      bind: settings.bind,
      udpPort: settings.port,
      settings: {
        broadcastSearch: settings.search.broadcast,
        searchAddresses: settings.access.remoteLicenses ? settings.search.addresses : [],
        intervalMs: settings.search.intervalMinutes * MINUTE,
      },
      entropy: () => Buffer.from(entropy.bytes(6)).readUIntBE(0, 6) / 2 ** 48,
      onFound: ({ guid, address, port }) => peers.found(guid, { host: address, port }),
      onHeard({ guid, notification }) {
        if (notification.kind === 'stopping') peers.stopped(guid);
        else peers.changed(guid);
      },
      onClone(address) {
        onEvent({ level: 'info', event: 'another computer uses the identity of this license manager, or says so', address });
        // A copy listens where this one does (R5: a datagram is a hint).
        lm.suspectTwin({ host: address, port: settings.port });
      },
      onProblem: (problem) => onEvent({ level: 'debug', event: 'discovery', ...problem }),
    });
    closers.push(() => discovery.stop());

    tellPeers = () => discovery.setPeers(peers.all().map((peer) => peer.address.host));
    tellPeers();
    const udpAddresses = discovery.addresses.map(({ address, port, family }) =>
      family === 6 ? `[${address}]:${port}` : `${address}:${port}`,
    );
    const status = (): LmStatus => ({
      guid: self.guid,
      name: hostname,
      version: VERSION,
      uptime: Math.floor((clock.mono() - startedAt) / SECOND),
      tcp: front.addresses,
      udp: udpAddresses,
      sessions: authority.sessionCount,
      keys: [...keystore.keys()].length,
      peers: peers.all().filter((peer) => peer.state === 'linked').length,
    });
    const dropFolder = await openDropFolder({
      directory: settings.updates.folder ?? join(stateDirectory, 'installed'),
      clock,
      apply: lm.apply,
      vendorOf: (key) => keystore.get(key)?.identity.vendor,
      vendorIn: vendorInText,
      async onFile(file) {
        onEvent({ level: file.result === 'refused' ? 'warn' : 'info', event: 'license file', ...file });
        const entry = { kind: file.result === 'refused' ? 'file refused' : 'file applied', scope: 'lm', detail: file };
        await ledger.update([], () => ({ changes: [], audit: [entry], reply: undefined }));
      },
      onProblem: (problem, error) => onEvent({ level: 'warn', event: problem, error }),
    });
    closers.push(() => dropFolder.close());
    onEvent({ level: 'info', event: 'started', guid: self.guid, tcp: front.addresses, udp: udpAddresses });
    return { guid: self.guid, tcp: front.addresses, udp: udpAddresses, authority, ledger, status, close: closeAll };
  } catch (error) {
    await closeAll().catch(() => undefined);
    throw error;
  }
};

/** How often this LM has started; tells others that what they knew of its links is void. */
const countBoot = async (ledger: Ledger): Promise<number> => {
  const key = 'lm/lm/boot' as const;
  return ledger.update([key], (rows) => {
    const count = ((rows.get<{ readonly count: number }>(key)?.count ?? 0) + 1) % 65_536;
    return {
      changes: [{ key, row: { count } }],
      audit: [{ kind: 'started', scope: 'lm', detail: { count, version: VERSION } }],
      reply: count,
    };
  });
};

const ownNames = (hostname: string): ReadonlySet<string> => {
  const addresses = Object.values(networkInterfaces()).flatMap((each) => (each ?? []).map(({ address }) => address.toLowerCase()));
  return new Set(['localhost', hostname.toLowerCase(), ...addresses]);
};

const secureContext = async (settings: Settings): Promise<SecureContext | undefined> => {
  if (settings.tls === undefined) return undefined;
  try {
    const [cert, key] = await Promise.all([readFile(settings.tls.certificate), readFile(settings.tls.key)]);
    return createSecureContext({ cert, key, minVersion: 'TLSv1.2' });
  } catch (cause) {
    throw new LicensingError(Status.CANNOT_READ_FILE, {
      detail: `The TLS certificate or key cannot be used: ${cause instanceof Error ? cause.message : ''}.`,
      remedy: 'Name PEM files of a certificate and its key in [tls].',
      cause,
    });
  }
};

export const defaultStateDirectory = (
  env: Readonly<Record<string, string | undefined>>,
  platform: string,
  home: string,
  root: boolean,
): string => {
  const given = env['KEYHAVEN_STATE'];
  if (given !== undefined && given !== '') return given;
  if (platform === 'win32') return join(env['PROGRAMDATA'] ?? 'C:\\ProgramData', 'Keyhaven');
  if (platform === 'darwin') return root ? '/Library/Application Support/Keyhaven' : join(home, 'Library/Application Support/Keyhaven');
  return root ? '/var/lib/keyhaven' : join(env['XDG_STATE_HOME'] ?? join(home, '.local/state'), 'keyhaven');
};

/** Outside of every state directory, so that a new one does not begin trials anew (K8). */
export const defaultTrialDirectory = (
  env: Readonly<Record<string, string | undefined>>,
  platform: string,
  home: string,
  root: boolean,
): string => {
  if (platform === 'win32') return join(env['PROGRAMDATA'] ?? 'C:\\ProgramData', 'Keyhaven Trials');
  if (platform === 'darwin') return root ? '/Library/Preferences/Keyhaven Trials' : join(home, 'Library/Preferences/Keyhaven Trials');
  return root ? '/var/lib/keyhaven-trials' : join(env['XDG_DATA_HOME'] ?? join(home, '.local/share'), 'keyhaven-trials');
};
