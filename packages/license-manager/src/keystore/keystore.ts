import { Buffer } from 'node:buffer';
import { fromBase64, toBase64 } from '@keyhaven/core/bytes';
import type { Entropy } from '@keyhaven/core/crypto';
import { fingerprintOf, type Observation } from '@keyhaven/core/fingerprint';
import { type KeyIdentity, keyFromSeeds, stateDocument, type Usage } from '@keyhaven/core/key';
import { type KeyType, openStanding, readSecrets, type VendorCode } from '@keyhaven/core/license';
import type { BlockRow } from '@keyhaven/core/memory';
import type { PoolRow } from '@keyhaven/core/seats';
import type { Wall } from '@keyhaven/core/time';
import type { GoneRow } from '@keyhaven/core/transfer';
import type { Ledger } from '@keyhaven/ledger';
import type { MachineSeal } from '../machine/index.ts';
import { type Applied, type Before, createApply } from './apply.ts';
import { type Key, type KeyLicense, licenseFrom, tokenKeyFrom } from './key.ts';
import { putBlock } from './memory-load.ts';
import { type IdentityRow, identityRow, type LicenseRow, type RecipientRow } from './rows.ts';
import { createKeyTransfers, type KeyTransfers } from './transfers.ts';
import { createKeyTrials, type KeyTrials, type TrialRow } from './trials.ts';

// The keys of one LM: made here, licensed by V2C, kept in the ledger. Secrets in the rows are sealed to this computer; the rows are
// authenticated by the ledger. A V2C is applied in one decision of the ledger, so a crash leaves the old or the new state (K4).

export type Keystore = {
  keys(): IterableIterator<Key>;
  get(id: string): Key | undefined;
  /** A key of this vendor that waits for its first license; made when there is none. */
  unlicensed(type: KeyType, code: VendorCode): Promise<Key>;
  /**
   * Applies V2C documents of one key, all or nothing.
   * @throws LicensingError as `verifyUpdates`; KEYID_NOT_FOUND (18) where the key is not here, UPDATE_BLOCKED (44) where it takes no updates.
   */
  apply(documents: Uint8Array | readonly Uint8Array[], before: Before): Promise<Applied>;
  /** The C2V of a key. */
  state(key: Key, host: string, now: Wall): Promise<Uint8Array>;
  /** Keys that are lent, given back or moved (K5). */
  readonly transfers: KeyTransfers;
  /** Keys of trial licenses (K8). */
  readonly trials: KeyTrials;
};

/** @param observe what this computer is recognised by, for C2V documents (K6). */
export const openKeystore = async (
  ledger: Ledger,
  seal: MachineSeal,
  entropy: Entropy,
  observe?: () => Promise<Observation | undefined>,
): Promise<Keystore> => {
  const keys = new Map<string, Key>(); // BOUNDED by the keys made here
  const damaged = new Map(ledger.damage().map(({ scope, reason }) => [scope, reason]));

  const identityFrom = (id: string, row: IdentityRow): { identity: KeyIdentity; signingSeed: Buffer } | undefined => {
    const seeds = seal.open(`key ${id}`, row.sealed);
    const vendorKey = fromBase64(row.vendorKey);
    if (seeds?.length !== 64 || vendorKey === undefined) return undefined;
    const signingSeed = seeds.subarray(0, 32);
    return { identity: keyFromSeeds({ type: row.type, vendor: row.vendor, vendorKey }, signingSeed, seeds.subarray(32)), signingSeed };
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

  const trials = createKeyTrials({ ledger, seal, entropy, keys });

  const load = async (): Promise<void> => {
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
    for (const [id, row] of identities) {
      const opened = identityFrom(id, row);
      if (opened === undefined) continue; // Not sealed on this computer: nothing can be said of it, and nothing is granted.
      const { identity } = opened;
      const stored = licenses.get(id);
      const license = stored === undefined || damaged.has(id) ? undefined : licenseOf(identity, stored);
      const damage = damaged.get(id) ?? (stored !== undefined && license === undefined ? 'the license does not open' : undefined);
      const memory = memories.get(id) ?? new Map<number, Buffer>();
      keys.set(id, { identity, counter: stored?.counter ?? 0, license, memory, tokenKey: tokenKeyFrom(opened.signingSeed), damage });
    }
  };
  await load();
  const apply = createApply({ ledger, seal, entropy, keys, transfers });

  return {
    transfers,
    trials,
    keys: () => keys.values(),
    get: (id) => keys.get(id),

    async unlicensed(type, code) {
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
      const key: Key = {
        identity,
        counter: 0,
        license: undefined,
        memory: new Map(),
        tokenKey: tokenKeyFrom(signingSeed),
        damage: undefined,
      };
      keys.set(identity.id, key);
      return key;
    },

    apply: (documents, before) => apply(documents instanceof Uint8Array ? [documents] : documents, before),

    async state(key, host, now) {
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
        virtualMachine: observed?.host === 'virtual',
        usage,
        certificate: key.license?.delegation === undefined && key.license?.trial === undefined ? key.license?.document : undefined,
        fingerprint: observed === undefined ? undefined : fingerprintOf(observed, key.identity.vendorKey),
      };
      return stateDocument(key.identity, state, now);
    },
  };
};
