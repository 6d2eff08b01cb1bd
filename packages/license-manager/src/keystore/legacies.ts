import { Buffer } from 'node:buffer';
import { fromBase64, toBase64 } from '@keyhaven/core/bytes';
import type { Entropy } from '@keyhaven/core/crypto';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { type KeyIdentity, keyFromSeeds, verifyLegacy } from '@keyhaven/core/key';
import { chainWith, type LegacyTerms, openStanding, signLegacyKey, writeSecrets } from '@keyhaven/core/license';
import { decideInstall, installRows, memoryAfter } from '@keyhaven/core/memory';
import type { Change, Ledger } from '@keyhaven/ledger';
import type { MachineSeal } from '../machine/index.ts';
import type { Applied, Before } from './apply.ts';
import { type Key, licenseFrom, softwareKey } from './key.ts';
import { type IdentityRow, identityRow, type LicenseRow, licenseRow } from './rows.ts';

// Keys of SL Legacy licenses (T1). The id of the key is in the license, so a ledger has each license once, whatever is applied how often; the
// private key is made here and never leaves. A newer file of the license takes the place of the older one, in one decision of the ledger (K4).

/** The key of a license, with private keys of this computer. */
const identityFor = (id: string, of: LegacyTerms, signingSeed: Uint8Array, exchangeSeed: Uint8Array): KeyIdentity => ({
  ...keyFromSeeds(
    { type: 'sl-legacy', vendor: of.vendor, vendorKey: fromBase64(of.vendorKey) ?? Buffer.alloc(0) },
    signingSeed,
    exchangeSeed,
  ),
  id,
});

export const createApplyLegacy = (options: {
  readonly ledger: Ledger;
  readonly seal: MachineSeal;
  readonly entropy: Entropy;
  /** The keys that are served; changed here. */
  readonly keys: Map<string, Key>;
}) => {
  const { ledger, seal, entropy, keys } = options;

  const fresh = (id: string, of: LegacyTerms): { readonly key: Key; readonly identity: KeyIdentity; readonly row: IdentityRow } => {
    const [signingSeed, exchangeSeed] = [Buffer.from(entropy.bytes(32)), entropy.bytes(32)];
    const identity = identityFor(id, of, signingSeed, exchangeSeed);
    const sealed = seal.seal(`key ${id}`, Buffer.concat([signingSeed, exchangeSeed]));
    return {
      key: softwareKey(identity, signingSeed),
      identity,
      row: { type: 'sl-legacy', vendor: of.vendor, vendorKey: of.vendorKey, sealed },
    };
  };

  /** @throws LicensingError as `verifyLegacy`; STORAGE_CORRUPT (47) */
  return async (document: Uint8Array, before: Before): Promise<Applied> => {
    const { terms, termsDocument, key: id, secrets } = verifyLegacy(document, (key) => keys.get(key)?.counter);
    const there = keys.get(id);
    if (there?.damage !== undefined) throw new LicensingError(Status.STORAGE_CORRUPT, { detail: there.damage });
    const made = there === undefined ? fresh(id, terms) : undefined;
    const key = there ?? made?.key;
    const own = made?.identity ?? (there?.signer.kind === 'software' ? there.signer.identity : undefined);
    if (key === undefined || own === undefined) throw new LicensingError(Status.INT_ERR);
    const shown = chainWith(termsDocument, signLegacyKey(termsDocument, terms, own.signingKey));
    const { certificate } = openStanding(shown, own.vendorKey);
    const license = licenseFrom(certificate, shown, secrets, entropy);
    const beside = await before(key, [license]);
    const held = key.license?.certificate.memory;
    // What applications write is theirs from the first license on (F58).
    const { readWrite: _, ...later } = secrets;
    const contents = held === undefined ? secrets : later;
    const stored: LicenseRow = {
      counter: certificate.counter,
      certificate: toBase64(shown),
      sealed: seal.seal(`secrets ${id}`, writeSecrets({ features: secrets.features })),
    };
    const named = [licenseRow(id), ...(beside?.keys ?? []), ...installRows(id, held, certificate.memory)];
    await ledger.update<undefined>([...new Set(named)], (rows) => {
      // The same file may come twice at once; the second one meets the new counter here.
      if ((rows.get<LicenseRow>(licenseRow(id))?.counter ?? 0) !== key.counter) throw new LicensingError(Status.UPDATE_ALREADY_ADDED);
      const also = beside?.decide(rows) ?? { changes: [], audit: [] };
      const changes: Change[] = [
        ...also.changes,
        ...(made === undefined ? [] : [{ key: identityRow(id), row: made.row }]),
        { key: licenseRow(id), row: stored },
        ...decideInstall(rows, id, held, certificate.memory, contents),
      ];
      const entry = { kind: 'license applied', scope: id, detail: { counter: certificate.counter, license: terms.license } };
      return { changes, audit: [...also.audit, entry], reply: undefined };
    });
    const now = keys.get(id) ?? key;
    const memory = memoryAfter(now.memory, held, certificate.memory, contents);
    const next: Key = { ...now, counter: certificate.counter, license, memory };
    keys.set(id, next);
    return { key: next, acknowledge: false };
  };
};
