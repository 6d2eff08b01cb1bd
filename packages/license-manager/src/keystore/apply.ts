import { fromBase64, toBase64 } from '@keyhaven/core/bytes';
import type { Entropy } from '@keyhaven/core/crypto';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { faultOfServing, type HostKind } from '@keyhaven/core/hosts';
import { type KeyIdentity, peekV2c, type Update, verifyUpdates } from '@keyhaven/core/key';
import { openDocument, readCertificate, writeSecrets } from '@keyhaven/core/license';
import { decideInstall, installRows, memoryAfter } from '@keyhaven/core/memory';
import type { AuditEntry, Change, Ledger, Row, RowKey, Rows } from '@keyhaven/ledger';
import type { MachineSeal } from '../machine/index.ts';
import { type Key, type KeyLicense, licenseFrom } from './key.ts';
import type { KeyTransfers } from './key-transfers.ts';
import { type LicenseRow, licenseRow } from './rows.ts';

// V2C documents applied to a key (K4). All that they change, in the license, in the memory and in what the caller adds (the sessions that they
// end), is one decision of the ledger: a crash leaves the old or the new state.

/** What is done in the decision that applies an update. */
export type Beside = {
  readonly keys: readonly RowKey[];
  decide(rows: Rows): { readonly changes: readonly Change[]; readonly audit: readonly AuditEntry[] };
};
/**
 * Runs when the documents are known to be good and before they are applied.
 * @param next what the key is licensed for after each of them; the last one stays.
 */
export type Before = (key: Key, next: readonly KeyLicense[]) => Promise<Beside | undefined>;
export type Applied = { readonly key: Key; readonly acknowledge: boolean };

export type ApplyOptions = {
  /** Which license manager this is: keys of some types are never here (T1). */
  readonly host: HostKind;
  readonly ledger: Ledger;
  readonly seal: MachineSeal;
  readonly entropy: Entropy;
  /** The keys that are served; changed here. */
  readonly keys: Map<string, Key>;
  readonly transfers: Pick<KeyTransfers, 'gone'>;
};

/** Rows as they are after changes that are not written yet. */
export const overlay = (rows: Rows): Rows & { put(changes: readonly Change[]): void } => {
  const changed = new Map<RowKey, Row | undefined>();
  return {
    get<R extends Row>(key: RowKey): R | undefined {
      return changed.has(key) ? (changed.get(key) as R | undefined) : rows.get<R>(key); // the port's contract, as in the ledger
    },
    put(changes) {
      for (const { key, row } of changes) changed.set(key, row);
    },
  };
};

/** UPDATE_BLOCKED (44): the key was here and is gone, or is lent by another one. */
const blocked = (id: string, why: string): LicensingError =>
  new LicensingError(Status.UPDATE_BLOCKED, { detail: `Key ${id} takes no updates here: ${why}.` });

/** Why a key of a type that is never here cannot take its V2C; undefined where it only happens not to be here. */
const faultOfType = (document: Uint8Array, host: HostKind): LicensingError | undefined => {
  const { signer, v2c } = peekV2c(document);
  const { payload } = openDocument('certificate', fromBase64(v2c.certificate) ?? new Uint8Array(), signer);
  return faultOfServing(host, readCertificate(payload).type);
};

/** `documents` are all for one key. */
export const createApply = ({ host, ledger, seal, entropy, keys, transfers }: ApplyOptions) => {
  const keyFor = (document: Uint8Array): Key & { readonly own: KeyIdentity } => {
    const id = peekV2c(document).v2c.key;
    const key = keys.get(id);
    const gone = transfers.gone(id);
    if (key === undefined && gone !== undefined)
      throw blocked(id, gone.why === 'rehosted' ? 'it moved to another computer' : 'it was given back');
    if (key === undefined)
      throw (
        faultOfType(document, host) ??
        new LicensingError(Status.KEYID_NOT_FOUND, { detail: `The license is for key ${id}, which is not on this computer.` })
      );
    if (key.damage !== undefined) throw new LicensingError(Status.STORAGE_CORRUPT, { detail: key.damage });
    if (key.license?.delegation !== undefined) throw blocked(id, `its license is lent by key ${key.license.delegation.parent}`);
    if (key.identity.type === 'sl-legacy')
      throw blocked(id, 'it is an SL Legacy key, whose vendor replaces the license file by a newer one');
    if (key.signer.kind === 'device')
      throw new LicensingError(Status.REQ_NOT_SUPP, { detail: `Key ${id} is hardware, which takes its updates itself.` });
    return { ...key, own: key.signer.identity };
  };

  return async (documents: readonly Uint8Array[], before: Before): Promise<Applied> => {
    const [first = new Uint8Array()] = documents;
    const { own, ...key } = keyFor(first);
    const { id } = key.identity;
    const held = key.license && { certificate: key.license.certificate, certificateDocument: key.license.document };
    const updates = verifyUpdates(own, key.counter, documents, held);
    const licenses = updates.map((of) => licenseFrom(of.certificate, of.certificateDocument, of.secrets, entropy));
    const beside = await before(key, licenses);
    const last = updates.at(-1) ?? updates[0];
    const license = licenses.at(-1);
    // The computer that a moved key is recognised by stays the one that it moved to, until a whole license names another (K6).
    const reference = updates.every(({ computed }) => computed) ? (key.license?.reference ?? license?.reference) : license?.reference;
    const stored: LicenseRow = {
      counter: last.certificate.counter,
      certificate: toBase64(last.certificateDocument),
      sealed: seal.seal(`secrets ${id}`, writeSecrets({ features: last.secrets.features })),
      ...(reference === undefined || reference === license?.reference ? {} : { moved: reference }),
    };
    const steps = updates.map((of: Update, index) => ({
      before: index === 0 ? key.license?.certificate.memory : updates[index - 1]?.certificate.memory,
      after: of.certificate.memory,
      contents: of.secrets,
    }));
    const named = [licenseRow(id), ...(beside?.keys ?? []), ...steps.flatMap((step) => installRows(id, step.before, step.after))];
    await ledger.update<undefined>([...new Set(named)], (rows) => {
      // The same V2C may come twice at once; the second one meets the new counter here.
      if ((rows.get<LicenseRow>(licenseRow(id))?.counter ?? 0) !== key.counter) throw new LicensingError(Status.UPDATE_ALREADY_ADDED);
      const also = beside?.decide(rows) ?? { changes: [], audit: [] };
      const changes: Change[] = [...also.changes, { key: licenseRow(id), row: stored }];
      const view = overlay(rows);
      for (const step of steps) {
        const memory = decideInstall(view, id, step.before, step.after, step.contents);
        view.put(memory);
        changes.push(...memory);
      }
      const audit = updates.map(({ certificate }) => ({ kind: 'license applied', scope: id, detail: { counter: certificate.counter } }));
      return { changes, audit: [...also.audit, ...audit], reply: undefined };
    });
    // What applications wrote meanwhile is in the key as it is now.
    const now = keys.get(id) ?? key;
    const memory = steps.reduce<Map<number, Buffer>>(
      (contents, step) => memoryAfter(contents, step.before, step.after, step.contents),
      now.memory,
    );
    const next: Key = { ...now, counter: stored.counter, license: license && { ...license, reference }, memory };
    keys.set(id, next);
    return { key: next, acknowledge: updates.some(({ acknowledge }) => acknowledge) };
  };
};
