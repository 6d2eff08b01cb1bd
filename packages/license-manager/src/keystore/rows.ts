import type { Fingerprint } from '@keyhaven/core/fingerprint';
import type { KeyType } from '@keyhaven/core/license';
import type { RowKey } from '@keyhaven/ledger';

// How keys are kept in the ledger. What is secret is sealed to this computer; a row names its key, and the key is its scope.

export type IdentityRow = { readonly type: KeyType; readonly vendor: number; readonly vendorKey: string; readonly sealed: string };
/**
 * `certificate`: what the key shows, a document or a chain. `parent`: the key that lends, where the license is lent (K5). `moved`: the
 * fingerprint of this computer when the key moved to it; the one in the certificate is of the computer it came from (K6).
 */
export type LicenseRow = {
  readonly counter: number;
  readonly certificate: string;
  readonly sealed: string;
  readonly parent?: string;
  readonly moved?: Fingerprint;
};
/** A key of this computer that waits for what is lent or moved to it; of no vendor yet. */
export type RecipientRow = { readonly type: KeyType; readonly sealed: string; readonly made: number };

export const identityRow = (key: string): RowKey => `${key}/key/identity`;
export const licenseRow = (key: string): RowKey => `${key}/key/license`;
export const recipientRow = (key: string): RowKey => `${key}/key/recipient`;
