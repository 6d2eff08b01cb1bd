import { Buffer } from 'node:buffer';
import { fromBase64, toBase64 } from '@keyhaven/core/bytes';
import type { Entropy } from '@keyhaven/core/crypto';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { fingerprintOf, isVirtualMachine, type Observation } from '@keyhaven/core/fingerprint';
import { faultOfServing, type HostKind, serves } from '@keyhaven/core/hosts';
import { deviceStateDocument, type KeyIdentity, keyFromSeeds, stateDocument, type Usage } from '@keyhaven/core/key';
import { openStanding, readSecrets, type VendorCode } from '@keyhaven/core/license';
import type { BlockRow } from '@keyhaven/core/memory';
import type { PoolRow } from '@keyhaven/core/seats';
import type { Wall } from '@keyhaven/core/time';
import type { GoneRow } from '@keyhaven/core/transfer';
import type { Ledger } from '@keyhaven/ledger';
import type { MachineSeal } from '../machine/index.ts';
import { type Applied, type Before, createApply } from './apply.ts';
import { createKeyDevices, type KeyDevices } from './devices.ts';
import { type Key, type KeyLicense, licenseFrom, softwareKey } from './key.ts';
import type { KeyTransfers } from './key-transfers.ts';
import { createApplyLegacy } from './legacies.ts';
import { putBlock } from './memory-load.ts';
import { type IdentityRow, identityRow, type LicenseRow, type RecipientRow } from './rows.ts';
import { createKeyTransfers } from './transfers.ts';
import { createKeyTrials, type KeyTrials, type TrialRow } from './trials.ts';

// The keys of one LM: made here, licensed by V2C, kept in the ledger. Secrets in the rows are sealed to this computer; the rows are
// authenticated by the ledger. A V2C is applied in one decision of the ledger, so a crash leaves the old or the new state (K4).

export type Keystore = {
  keys(): IterableIterator<Key>;
  get(id: string): Key | undefined;
  /**
   * A key of this vendor that waits for its first license; made when there is none.
   * @throws LicensingError REQ_NOT_SUPP (16) where this license manager holds no such keys.
   */
  unlicensed(type: 'sl-adminmode' | 'sl-usermode', code: VendorCode): Promise<Key>;
  /**
   * Applies V2C documents of one key, all or nothing.
   * @throws LicensingError as `verifyUpdates`; KEYID_NOT_FOUND (18) where the key is not here, UPDATE_BLOCKED (44) where it takes no updates.
   */
  apply(documents: Uint8Array | readonly Uint8Array[], before: Before): Promise<Applied>;
  /**
   * Applies a license file of SL Legacy, as `apply` does a V2C; the key is made where there is none.
   * Whether it is for this computer, and whether this license manager holds such keys, is not decided here.
   * @throws LicensingError as `verifyLegacy`
   */
  applyLegacy(document: Uint8Array, before: Before): Promise<Applied>;
  /**
   * The C2V of a key.
   * @throws LicensingError REQ_NOT_SUPP (16) of a key that is licensed without one, or of hardware where that is off; DEVICE_ERR (43) where the
   * device does not sign
   */
  state(key: Key, host: string, now: Wall): Promise<Uint8Array>;
  /** Takes over what other processes changed that share the ledger; resolves to the keys whose license is another one, or that are gone. */
  refresh(): Promise<readonly string[]>;
  /** Keys that are lent, given back or moved (K5). */
  readonly transfers: KeyTransfers;
  /** Keys of trial licenses (K8). */
  readonly trials: KeyTrials;
  /** Keys in hardware (K7). */
  readonly devices: KeyDevices;
};

const isLicensedBy = ({ counter, license, damage }: Key, row: LicenseRow | undefined): boolean =>
  damage === undefined
    ? counter === (row?.counter ?? 0) && (license === undefined ? undefined : toBase64(license.document)) === row?.certificate
    : counter === row?.counter;
const replaceMemory = (memory: Map<number, Buffer>, stored: ReadonlyMap<number, Buffer> = new Map()): void => {
  memory.clear();
  for (const [file, contents] of stored) memory.set(file, contents);
};

const noState = ({ identity: { id, type } }: Key): LicensingError =>
  new LicensingError(Status.REQ_NOT_SUPP, {
    detail:
      type === 'sl-legacy'
        ? `Key ${id} is an SL Legacy key, which has no C2V.`
        : `Key ${id} is hardware, and C2V documents of those are not made.`,
    remedy:
      type === 'sl-legacy'
        ? 'Send its vendor the license file that it has, or a file of keyhaven fingerprint.'
        : 'Use the tools of the device, or an Admin LM whose setting hardwareC2v is on.',
  });

/**
 * @param observe what this computer is recognised by, for C2V documents (K6).
 * @param host which license manager this is: it holds keys of the types that the table of T1 gives it.
 * @param hardwareC2v whether C2V documents of keys in hardware are made.
 */
export const openKeystore = async (
  ledger: Ledger,
  seal: MachineSeal,
  entropy: Entropy,
  observe?: () => Promise<Observation | undefined>,
  host: HostKind = 'admin',
  hardwareC2v: () => boolean = () => false,
): Promise<Keystore> => {
  const keys = new Map<string, Key>(); // BOUNDED by the keys made here
  const damaged = new Map(ledger.damage().map(({ scope, reason }) => [scope, reason]));

  const identityFrom = (id: string, row: IdentityRow): { identity: KeyIdentity; signingSeed: Buffer } | undefined => {
    const seeds = seal.open(`key ${id}`, row.sealed);
    const vendorKey = fromBase64(row.vendorKey);
    if (seeds?.length !== 64 || vendorKey === undefined) return undefined;
    const signingSeed = seeds.subarray(0, 32);
    const own = keyFromSeeds({ type: row.type, vendor: row.vendor, vendorKey }, signingSeed, seeds.subarray(32));
    // Its id follows from its license, which is opened below, and says the same.
    return { identity: row.type === 'sl-legacy' ? { ...own, id } : own, signingSeed };
  };

  const licenseOf = (identity: KeyIdentity, row: LicenseRow): KeyLicense | undefined => {
    const document = fromBase64(row.certificate);
    const secrets = seal.open(`secrets ${identity.id}`, row.sealed);
    if (document === undefined || secrets === undefined) return undefined;
    try {
      const { certificate, delegation, trial } = openStanding(document, identity.vendorKey);
      const bare = licenseFrom(certificate, document, readSecrets(secrets), entropy, delegation);
      const license = trial === undefined ? bare : { ...bare, trial };
      return row.moved === undefined ? license : { ...license, reference: row.moved };
    } catch {
      return undefined; // One key is damaged; the others are served.
    }
  };

  const transfers = createKeyTransfers({ ledger, seal, entropy, keys, observe });

  const trials = createKeyTrials({ type: serves(host, 'sl-adminmode') ? 'sl-adminmode' : 'sl-usermode', ledger, seal, entropy, keys });

  const load = async (): Promise<readonly string[]> => {
    const before = new Map(keys);
    const identities = new Map<string, IdentityRow>();
    const licenses = new Map<string, LicenseRow>();
    const memories = new Map<string, Map<number, Buffer>>();
    for await (const [name, row] of ledger.scan<IdentityRow & LicenseRow & BlockRow & RecipientRow & GoneRow & TrialRow>('')) {
      const [scope = '', kind, id] = name.split('/');
      if (kind === 'key' && id === 'identity') identities.set(scope, row);
      else if (kind === 'key' && id === 'license') licenses.set(scope, row);
      else if (kind === 'key' && id === 'recipient') transfers.loadRecipient(scope, row);
      else if (kind === 'transfer' && id === 'gone') transfers.loadGone(scope, row);
      else if (kind === 'key' && id === 'trial') trials.load(scope, row);
      else if (kind === 'memory') {
        const files = memories.get(scope) ?? new Map<number, Buffer>();
        memories.set(scope, files);
        if (id !== undefined) putBlock(files, id, row.data);
      }
    }
    const changed: string[] = [];
    for (const [id, row] of identities) {
      const known = before.get(id);
      // What was changed here since the look is newer.
      if (keys.get(id) !== known) continue;
      if (known !== undefined && isLicensedBy(known, licenses.get(id))) {
        replaceMemory(known.memory, memories.get(id));
        continue;
      }
      const opened = identityFrom(id, row);
      if (opened === undefined) continue; // Not sealed on this computer: nothing can be said of it, and nothing is granted.
      const { identity } = opened;
      const stored = licenses.get(id);
      const license = stored === undefined || damaged.has(id) ? undefined : licenseOf(identity, stored);
      const damage = damaged.get(id) ?? (stored !== undefined && license === undefined ? 'the license does not open' : undefined);
      const memory = memories.get(id) ?? new Map<number, Buffer>();
      keys.set(id, { ...softwareKey(identity, opened.signingSeed), counter: stored?.counter ?? 0, license, memory, damage });
      changed.push(id);
    }
    for (const [id, key] of before) {
      if (identities.has(id) || key.signer.kind === 'device' || keys.get(id) !== key) continue;
      keys.delete(id);
      changed.push(id);
    }
    return changed;
  };
  await load();
  const apply = createApply({ host, ledger, seal, entropy, keys, transfers });
  const applyLegacy = createApplyLegacy({ ledger, seal, entropy, keys });
  const devices = createKeyDevices({ host, entropy, keys, tokenKey: (id) => seal.key(`tokens of key ${id}`) });

  return {
    transfers,
    trials,
    devices,
    refresh: load,
    keys: () => keys.values(),
    get: (id) => keys.get(id),

    async unlicensed(type, code) {
      const fault = faultOfServing(host, type);
      if (fault !== undefined) throw fault;
      const vendorKey = toBase64(code.publicKey);
      for (const key of keys.values()) {
        const same = key.identity.vendor === code.vendor && toBase64(key.identity.vendorKey) === vendorKey && key.identity.type === type;
        if (same && key.counter === 0 && key.damage === undefined) return key;
      }
      const signingSeed = Buffer.from(entropy.bytes(32));
      const exchangeSeed = entropy.bytes(32);
      const identity = keyFromSeeds({ type, vendor: code.vendor, vendorKey: code.publicKey }, signingSeed, exchangeSeed);
      const sealed = seal.seal(`key ${identity.id}`, Buffer.concat([signingSeed, exchangeSeed]));
      const row: IdentityRow = { type, vendor: code.vendor, vendorKey, sealed };
      await ledger.update([identityRow(identity.id)], () => ({
        changes: [{ key: identityRow(identity.id), row }],
        audit: [{ kind: 'key created', scope: identity.id, detail: { type, vendor: code.vendor } }],
        reply: undefined,
      }));
      const key = softwareKey(identity, signingSeed);
      keys.set(identity.id, key);
      return key;
    },

    apply: (documents, before) => apply(documents instanceof Uint8Array ? [documents] : documents, before),

    applyLegacy,

    async state(key, host, now) {
      const { signer } = key;
      if (key.identity.type === 'sl-legacy' || (signer.kind === 'device' && !hardwareC2v())) throw noState(key);
      const usage: Usage[number][] = [];
      for await (const [name, row] of ledger.scan<PoolRow>(`${key.identity.id}/pool/`)) {
        const [product = 0, feature = 0] = (name.split('/')[2] ?? '').split('.').map(Number);
        const { executions, firstUse } = row;
        if (executions === 0 && firstUse === undefined) continue;
        usage.push({ product, feature, executions, ...(firstUse === undefined ? {} : { firstUse: new Date(firstUse).toISOString() }) });
      }
      const observed = await observe?.();
      const state = {
        counter: key.counter,
        host,
        virtualMachine: observed !== undefined && isVirtualMachine(observed),
        usage,
        certificate: key.license?.delegation === undefined && key.license?.trial === undefined ? key.license?.document : undefined,
        fingerprint: observed === undefined ? undefined : fingerprintOf(observed, key.identity.vendorKey),
      };
      if (signer.kind === 'software') return stateDocument(signer.identity, state, now);
      try {
        return await deviceStateDocument(signer.device, state, now);
      } catch (cause) {
        throw new LicensingError(Status.DEVICE_ERR, { detail: `The device of key ${key.identity.id} does not sign.`, cause });
      }
    },
  };
};
