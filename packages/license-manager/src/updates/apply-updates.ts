import { LicensingError, Status, type StatusCode } from '@keyhaven/core/errors';
import { inPackage, type Packed, peekV2c } from '@keyhaven/core/key';
import { openLegacy, unarmor } from '@keyhaven/core/license';
import type { Authority } from '../authority/index.ts';
import type { Key, Keystore } from '../keystore/index.ts';

// V2C and V2CP files applied (K4): all or nothing for each key, and each key told. Of a package the keys do not depend on each other: what one of
// them refuses, another may take.

/** What became of the updates for one key. */
export type ToldUpdate = { readonly key: string; readonly updates: number } & (
  | { readonly status: 0; readonly updateCounter: number }
  | { readonly status: Exclude<StatusCode, 0>; readonly name: string; readonly detail: string }
);
export type UpdateResult = {
  /** Of the first key that took its updates. */
  readonly key: string;
  readonly updateCounter: number;
  /** Texts of C2V, where a vendor asked for an acknowledgement. */
  readonly ack?: string;
  /** Of a package: one entry for each of its keys. */
  readonly updates?: readonly ToldUpdate[];
};

export type UpdatesOptions = {
  readonly authority: Pick<Authority, 'apply'>;
  readonly keystore: Pick<Keystore, 'keys' | 'get'>;
  /** Text of the C2V of a key. */
  readonly state: (key: Key) => Promise<string>;
  readonly onApplied: (key: Key, added: boolean) => void;
};

const failure = (error: unknown): LicensingError =>
  error instanceof LicensingError ? error : new LicensingError(Status.INT_ERR, { cause: error });

/** @throws LicensingError where no key took any of it: what the first one refused it for. */
export const createUpdates =
  ({ authority, keystore, state, onApplied }: UpdatesOptions) =>
  async (kind: 'V2C' | 'V2CP', document: Uint8Array): Promise<UpdateResult> => {
    const vendors = [...keystore.keys()].map(({ identity }) => identity.vendorKey);
    const packed: readonly Packed[] =
      kind === 'V2CP' ? inPackage(document, vendors) : [{ key: peekV2c(document).v2c.key, documents: [document] }];
    const told: ToldUpdate[] = [];
    const applied: Key[] = [];
    const acks: string[] = [];
    let first: LicensingError | undefined;
    for (const { key: id, documents } of packed) {
      const fresh = keystore.get(id)?.license === undefined;
      try {
        const { key, acknowledge } = await authority.apply(documents);
        applied.push(key);
        told.push({ key: id, updates: documents.length, status: 0, updateCounter: key.counter });
        onApplied(key, fresh);
        if (acknowledge) acks.push(await state(key));
      } catch (error) {
        const { status, name, detail = '' } = failure(error);
        first ??= failure(error);
        if (status !== Status.OK) told.push({ key: id, updates: documents.length, status, name, detail });
      }
    }
    const [key] = applied;
    if (key === undefined) throw first ?? new LicensingError(Status.INV_UPDATE_DATA);
    return {
      key: key.identity.id,
      updateCounter: key.counter,
      ...(acks.length === 0 ? {} : { ack: acks.join('') }),
      ...(kind === 'V2C' ? {} : { updates: told }),
    };
  };

/** The vendor that the text of a license names; undefined of anything else, and where its signature does not hold. */
export const vendorInText = (text: string): number | undefined => {
  try {
    const { kind, bytes } = unarmor(text);
    if (kind === 'legacy') return openLegacy(bytes).terms.vendor;
    return kind === 'V2C' ? peekV2c(bytes).v2c.vendor : undefined;
  } catch {
    return undefined;
  }
};

/** For a person; of a package, what became of each key. */
export const sayResult = ({ key, updateCounter, updates }: UpdateResult): string =>
  (updates ?? [{ key, updates: 1, status: Status.OK, updateCounter }])
    .map((told) =>
      told.status === Status.OK
        ? `Key ${told.key} is at update ${told.updateCounter}`
        : `Key ${told.key}: error ${told.status}, ${told.detail}`,
    )
    .join('; ')
    .slice(0, 500);
