import { Buffer } from 'node:buffer';
import { fromBase64, toBase64 } from '@keyhaven/core/bytes';
import { type Entropy, sha256 } from '@keyhaven/core/crypto';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { keyFromSeeds } from '@keyhaven/core/key';
import { chainWith, openStanding, openTrial, signTrialKey, type Trial, trialSecrets, writeSecrets } from '@keyhaven/core/license';
import { decideInstall, installRows, memoryAfter } from '@keyhaven/core/memory';
import type { Wall } from '@keyhaven/core/time';
import type { Change, Ledger, RowKey } from '@keyhaven/ledger';
import type { MachineSeal } from '../machine/index.ts';
import { type Key, licenseFrom, softwareKey } from './key.ts';
import { type IdentityRow, identityRow, type LicenseRow, licenseRow } from './rows.ts';

// Keys of trial licenses (K8). A key is made for the trial, or one of its vendor that waits for its first license takes it; the update counter
// stays at 0, so what is bought later comes to the same key as its first license. The row that names the trial stays for ever: a
// trial that was here is not begun again. Whether the days are over is not known here.

/** `start`: the first use, where it was marked before the key was made. */
export type TrialRow = { readonly trial: string; readonly start?: Wall };
const trialRow = (key: string): RowKey => `${key}/key/trial`;

/** Names a trial license on this computer; of another vendor it is another one. */
export const trialName = (of: Trial): string =>
  toBase64(sha256(Buffer.concat([fromBase64(of.vendorKey) ?? Buffer.alloc(0), fromBase64(of.trial) ?? Buffer.alloc(0)])));

export type KeyTrials = {
  load(key: string, row: TrialRow): void;
  /** Trials that are or were here. */
  all(): readonly { readonly key: string; readonly trial: string; readonly start?: Wall }[];
  /** @throws LicensingError as `openTrial`; UPDATE_ALREADY_ADDED (65) */
  apply(document: Uint8Array, start: Wall | undefined): Promise<Key>;
};

export const createKeyTrials = (options: {
  /** What keys this license manager makes (T1). */
  readonly type: 'sl-adminmode' | 'sl-usermode';
  readonly ledger: Ledger;
  readonly seal: MachineSeal;
  readonly entropy: Entropy;
  /** The keys that are served; changed here. */
  readonly keys: Map<string, Key>;
}): KeyTrials => {
  const { type, ledger, seal, entropy, keys } = options;
  const known = new Map<string, { readonly key: string; readonly trial: string; readonly start?: Wall }>(); // BOUNDED by the keys here
  /** Under way, so that the same file that comes twice at once makes one key. BOUNDED likewise. */
  const applying = new Set<string>();

  const waiting = ({ vendor, vendorKey }: Trial): Key | undefined =>
    [...keys.values()].find(
      ({ identity, counter, license, damage }) =>
        identity.vendor === vendor &&
        toBase64(identity.vendorKey) === vendorKey &&
        identity.type === type &&
        counter === 0 &&
        license === undefined &&
        damage === undefined,
    );
  const fresh = (of: Trial): { readonly key: Key; readonly row: IdentityRow } => {
    const [signingSeed, exchangeSeed] = [Buffer.from(entropy.bytes(32)), entropy.bytes(32)];
    const vendorKey = fromBase64(of.vendorKey) ?? Buffer.alloc(0);
    const identity = keyFromSeeds({ type, vendor: of.vendor, vendorKey }, signingSeed, exchangeSeed);
    const sealed = seal.seal(`key ${identity.id}`, Buffer.concat([signingSeed, exchangeSeed]));
    return {
      key: softwareKey(identity, signingSeed),
      row: { type, vendor: of.vendor, vendorKey: of.vendorKey, sealed },
    };
  };

  const install = async (document: Uint8Array, of: Trial, trial: string, start: Wall | undefined): Promise<Key> => {
    const there = waiting(of);
    const made = there === undefined ? fresh(of) : undefined;
    const key = there ?? made?.key;
    if (key?.signer.kind !== 'software') throw new LicensingError(Status.INT_ERR);
    const { id, signingKey, vendorKey } = key.signer.identity;
    const shown = chainWith(document, signTrialKey(document, of, signingKey, type));
    const secrets = trialSecrets(of);
    const { certificate } = openStanding(shown, vendorKey);
    const row: TrialRow = { trial, ...(start === undefined ? {} : { start }) };
    const stored: LicenseRow = {
      counter: 0,
      certificate: toBase64(shown),
      sealed: seal.seal(`secrets ${id}`, writeSecrets({ features: secrets.features })),
    };
    await ledger.update<undefined>([licenseRow(id), ...installRows(id, undefined, certificate.memory)], (rows) => {
      if (rows.get<LicenseRow>(licenseRow(id)) !== undefined) throw new LicensingError(Status.UPDATE_ALREADY_ADDED);
      const changes: Change[] = [
        ...(made === undefined ? [] : [{ key: identityRow(id), row: made.row }]),
        { key: licenseRow(id), row: stored },
        { key: trialRow(id), row },
        ...decideInstall(rows, id, undefined, certificate.memory, secrets),
      ];
      return { changes, audit: [{ kind: 'trial applied', scope: id, detail: { trial: of.trial, days: of.days } }], reply: undefined };
    });
    const license = { ...licenseFrom(certificate, shown, secrets, entropy), trial: of };
    const next: Key = { ...key, license, memory: memoryAfter(key.memory, undefined, certificate.memory, secrets) };
    keys.set(id, next);
    known.set(trial, { key: id, ...row });
    return next;
  };

  return {
    load: (key, row) => void known.set(row.trial, { key, ...row }),
    all: () => [...known.values()],
    async apply(document, start) {
      const of = openTrial(document);
      const trial = trialName(of);
      if (known.has(trial) || applying.has(trial))
        throw new LicensingError(Status.UPDATE_ALREADY_ADDED, { detail: 'This trial license is, or was, on this computer already.' });
      applying.add(trial);
      try {
        return await install(document, of, trial, start);
      } finally {
        applying.delete(trial);
      }
    },
  };
};
