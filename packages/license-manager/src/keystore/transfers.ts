import { Buffer } from 'node:buffer';
import { fromBase64, toBase64 } from '@keyhaven/core/bytes';
import type { Entropy } from '@keyhaven/core/crypto';
import { LicensingError, Status, type StatusCode } from '@keyhaven/core/errors';
import { fingerprintOf, type Observation } from '@keyhaven/core/fingerprint';
import { writeSecrets } from '@keyhaven/core/license';
import {
  contentsRows,
  decideInstall,
  installRows,
  memoryAfter,
  memoryRowKeys,
  type OnceRow,
  onceRowKey,
  onceRows,
} from '@keyhaven/core/memory';
import { type PoolRow, poolRowKey } from '@keyhaven/core/seats';
import { wall } from '@keyhaven/core/time';
import {
  arriveRows,
  decideArrive,
  decideLeave,
  faultOfReceiving,
  type GoneRow,
  goneRowKey,
  type Lent,
  leaveRows,
  type RecipientKey,
  recipientKeyFrom,
} from '@keyhaven/core/transfer';
import type { Change, Ledger, Rows } from '@keyhaven/ledger';
import type { MachineSeal } from '../machine/index.ts';
import { type Key, type KeyLicense, licenseFrom, softwareKey } from './key.ts';
import type { KeyTransfers } from './key-transfers.ts';
import { type IdentityRow, identityRow, type LicenseRow, licenseRow, type RecipientRow, recipientRow } from './rows.ts';

// The keys of this computer that come from another one, or go there (K5). Promised:
// - each act is one decision of the ledger in the scope of one key, so a crash leaves the state before or after it;
// - a key that is given back or moves away loses its private key in the decision that makes the file which says so.
// It knows no seats and no sessions: whoever calls has ended those of the key, and lets none begin meanwhile.

/** BOUNDED: keys that wait to receive; the oldest one is given out again when there are so many. */
const MAX_WAITING = 256;

type Waiting = { readonly key: RecipientKey; readonly row: RecipientRow; readonly signingSeed: Buffer };

export type KeyTransfersOptions = {
  readonly ledger: Ledger;
  readonly seal: MachineSeal;
  readonly entropy: Entropy;
  /** The keys that are served; changed here. */
  readonly keys: Map<string, Key>;
  /** What this computer is recognised by (K6). */
  readonly observe?: (() => Promise<Observation | undefined>) | undefined;
};

const refusal = ({ status, detail }: { readonly status: StatusCode; readonly detail: string }): LicensingError =>
  new LicensingError(status, { detail });

const firstOf = (
  { key, signingSeed }: Waiting,
  { h2r, vendorKey, sequence }: Lent,
  license: KeyLicense,
  memory: Map<number, Buffer>,
): Key => ({
  ...softwareKey({ ...key, vendor: h2r.vendor, vendorKey }, signingSeed),
  counter: sequence,
  license,
  memory,
});

export const createKeyTransfers = ({ ledger, seal, entropy, keys, observe }: KeyTransfersOptions): KeyTransfers => {
  const waiting = new Map<string, Waiting>(); // BOUNDED by MAX_WAITING, and by those of a state that was copied here
  const gone = new Map<string, GoneRow>(); // BOUNDED by the keys that were here
  const sealed = (id: string, signingSeed: Uint8Array, exchangeSeed: Uint8Array): string =>
    seal.seal(`key ${id}`, Buffer.concat([signingSeed, exchangeSeed]));

  const waitingFrom = (id: string, row: RecipientRow): Waiting | undefined => {
    const seeds = seal.open(`key ${id}`, row.sealed);
    if (seeds?.length !== 64) return undefined; // Not sealed on this computer.
    const signingSeed = seeds.subarray(0, 32);
    return { key: recipientKeyFrom(row.type, signingSeed, seeds.subarray(32)), row, signingSeed };
  };

  const refuseGone = (id: string): void => {
    const left = gone.get(id);
    if (left === undefined) return;
    const at = new Date(left.at).toISOString();
    throw left.why === 'rehosted'
      ? new LicensingError(Status.LICENSE_REHOSTED, { detail: `Key ${id} moved to another computer at ${at}.` })
      : new LicensingError(Status.KEY_INACTIVE, { detail: `Key ${id} gave its license back at ${at}.` });
  };

  return {
    loadRecipient(id, row) {
      const found = waitingFrom(id, row);
      if (found !== undefined) waiting.set(id, found);
    },
    loadGone: (id, row) => void gone.set(id, row),

    async fresh(type, now, spoken) {
      const oldest = [...waiting.values()].find(({ key }) => key.type === type && spoken?.(key.id) !== true);
      if (waiting.size >= MAX_WAITING && oldest !== undefined) return oldest.key;
      const [signingSeed, exchangeSeed] = [Buffer.from(entropy.bytes(32)), entropy.bytes(32)];
      const key = recipientKeyFrom(type, signingSeed, exchangeSeed);
      const row: RecipientRow = { type, sealed: sealed(key.id, signingSeed, exchangeSeed), made: now };
      await ledger.update([], () => ({
        changes: [{ key: recipientRow(key.id), row }],
        audit: [{ kind: 'recipient created', scope: key.id, detail: { type } }],
        reply: undefined,
      }));
      waiting.set(key.id, { key, row, signingSeed });
      return key;
    },
    recipient(id) {
      const key = keys.get(id);
      if (key?.license?.delegation === undefined || key.signer.kind === 'device') return waiting.get(id)?.key;
      return key.signer.identity;
    },
    gone: (id) => gone.get(id),
    moved: () => [...gone].flatMap(([key, { why, vendor }]) => (why === 'rehosted' ? [{ key, vendor }] : [])),
    refuseGone,

    async receive(lent, time, also = []) {
      const { h2r, standing, shown, secrets, sequence } = lent;
      const id = h2r.key;
      const before = keys.get(id);
      const fresh = waiting.get(id);
      if (before?.license === undefined && fresh === undefined) throw new LicensingError(Status.UNKNOWN_RECIPIENT);
      const certificate = toBase64(shown);
      const row: LicenseRow = {
        counter: sequence,
        certificate,
        sealed: seal.seal(`secrets ${id}`, writeSecrets({ features: secrets.features })),
        parent: h2r.parent,
      };
      const memory = {
        before: before?.license?.certificate.memory,
        after: standing.certificate.memory,
        // With the first file only: afterwards the memory holds what was written here.
        contents: before === undefined ? secrets : {},
      };
      const changes: Change[] = [{ key: licenseRow(id), row }];
      if (before === undefined && fresh !== undefined) {
        const identity: IdentityRow = { type: fresh.row.type, vendor: h2r.vendor, vendorKey: h2r.vendorKey, sealed: fresh.row.sealed };
        changes.push({ key: identityRow(id), row: identity }, { key: recipientRow(id), row: undefined });
        for (const file of memory.after.dynamic ?? []) {
          // What could be written once, and was where it comes from, has been.
          const brought = secrets.dynamic?.some((each) => each.id === file.id) === true;
          changes.push(...onceRows(id, file.id, file.access === 'rwo' && brought));
        }
      }
      const foreign = before !== undefined && toBase64(before.identity.vendorKey) !== h2r.vendorKey;
      const fault = await ledger.update(
        [licenseRow(id), goneRowKey(id), ...installRows(id, memory.before, memory.after)],
        (rows: Rows, now) => {
          const stored = rows.get<LicenseRow>(licenseRow(id));
          const held = stored === undefined ? undefined : { parent: foreign ? '' : (stored.parent ?? ''), sequence: stored.counter };
          const wrong = faultOfReceiving(
            { child: id, parent: h2r.parent, sequence, from: wall(lent.from), until: wall(lent.until), held },
            rows.get<GoneRow>(goneRowKey(id)),
            wall(Math.max(now, time())),
          );
          const detail = { parent: h2r.parent, sequence, until: new Date(lent.until).toISOString() };
          return wrong === undefined
            ? {
                changes: [...changes, ...decideInstall(rows, id, memory.before, memory.after, memory.contents), ...also],
                audit: [{ kind: 'received', scope: id, detail }],
                reply: undefined,
              }
            : {
                changes: [],
                audit: [{ kind: 'transfer refused', scope: id, detail: { ...detail, status: wrong.status, cause: wrong.detail } }],
                reply: wrong,
              };
        },
      );
      if (fault !== undefined) throw refusal(fault);
      const license = licenseFrom(standing.certificate, shown, secrets, entropy, standing.delegation);
      const now = keys.get(id); // Applications may have written to its memory meanwhile.
      const next =
        now !== undefined
          ? { ...now, counter: sequence, license, memory: memoryAfter(now.memory, memory.before, memory.after, memory.contents) }
          : fresh !== undefined
            ? firstOf(fresh, lent, license, memoryAfter(new Map(), undefined, memory.after, memory.contents))
            : undefined;
      if (next === undefined) throw new LicensingError(Status.UNKNOWN_RECIPIENT);
      keys.set(id, next);
      waiting.delete(id);
      return next;
    },

    writtenOnce(id) {
      const files = (keys.get(id)?.license?.certificate.memory.dynamic ?? []).filter(({ access }) => access === 'rwo');
      const rows = files.map((file) => ({ file: file.id, row: onceRowKey(id, file.id) }));
      return ledger.update(
        rows.map(({ row }) => row),
        (view) => ({
          changes: [],
          audit: [],
          reply: new Set(rows.filter(({ row }) => view.get<OnceRow>(row)?.state === 'written').map(({ file }) => file)),
        }),
      );
    },

    async seeds(id) {
      const row = await ledger.update([identityRow(id)], (rows) => ({
        changes: [],
        audit: [],
        reply: rows.get<IdentityRow>(identityRow(id)),
      }));
      const seeds = row === undefined ? undefined : seal.open(`key ${id}`, row.sealed);
      if (seeds?.length !== 64) throw new LicensingError(Status.STORAGE_CORRUPT, { detail: `The private key of key ${id} does not open.` });
      return seeds;
    },

    async discard(id, also) {
      await ledger.update([], () => ({ changes: [{ key: recipientRow(id), row: undefined }, ...also], audit: [], reply: undefined }));
      waiting.delete(id);
    },

    async leave(id, left, also = []) {
      const erased = [identityRow(id), licenseRow(id), ...memoryRowKeys(id, keys.get(id)?.license?.certificate.memory)];
      const reply = await ledger.update(leaveRows({ key: id }), (rows) => {
        const decision = decideLeave(rows, { key: id, gone: left, erased });
        return decision.changes.length === 0 ? decision : { ...decision, changes: [...decision.changes, ...also] };
      });
      if (reply.kind === 'refused') throw refusal(reply);
      keys.delete(id);
      gone.set(id, reply.gone);
      return reply.gone;
    },

    forget: (id) => void keys.delete(id),

    async arrive({ h2h, identity, signingSeed, exchangeSeed, certificate, certificateDocument, moved }) {
      const { id } = identity;
      const present = licenseRow(id);
      const secrets = { features: moved.features };
      // The license was made for the computer that it leaves; from here on it is for this one.
      const observed = certificate.fingerprint === undefined ? undefined : await observe?.();
      const reference = observed === undefined ? undefined : fingerprintOf(observed, identity.vendorKey);
      const identityOf: IdentityRow = {
        type: h2h.type,
        vendor: h2h.vendor,
        vendorKey: h2h.vendorKey,
        sealed: sealed(id, signingSeed, exchangeSeed),
      };
      const license: LicenseRow = {
        counter: certificate.counter,
        certificate: h2h.certificate,
        sealed: seal.seal(`secrets ${id}`, writeSecrets(secrets)),
        ...(reference === undefined ? {} : { moved: reference }),
      };
      const written: Change[] = [
        { key: identityRow(id), row: identityOf },
        { key: present, row: license },
        ...moved.memory.flatMap(({ file, data, once }) => [
          ...contentsRows(id, file, fromBase64(data) ?? Buffer.alloc(0)),
          ...onceRows(id, file, once === true),
        ]),
        ...h2h.usage.map(({ product, feature, executions, firstUse, trialUse }) => ({
          key: poolRowKey({ key: id, product, feature }),
          row: {
            used: 0,
            executions,
            ...(firstUse === undefined ? {} : { firstUse: wall(Date.parse(firstUse)) }),
            ...(trialUse === undefined ? {} : { trialUse: wall(Date.parse(trialUse)) }),
          } satisfies PoolRow,
        })),
      ];
      const reply = await ledger.update(arriveRows({ key: id, present }), (rows) =>
        decideArrive(rows, { key: id, move: h2h, written, present }),
      );
      if (reply.kind === 'refused') throw refusal(reply);
      const next: Key = {
        ...softwareKey(identity, signingSeed),
        counter: certificate.counter,
        license: { ...licenseFrom(certificate, certificateDocument, secrets, entropy), reference },
        memory: new Map(moved.memory.map(({ file, data }) => [file, fromBase64(data) ?? Buffer.alloc(0)])),
      };
      keys.set(id, next);
      gone.delete(id);
      // Its work is done. Where this is lost the key waits for ever and opens nothing: what was sealed to it is known by its number (71).
      waiting.delete(h2h.recipient);
      await ledger.update([], () => ({ changes: [{ key: recipientRow(h2h.recipient), row: undefined }], audit: [], reply: undefined }));
      return next;
    },
  };
};
