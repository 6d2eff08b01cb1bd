import { LicensingError, Status } from '@keyhaven/core/errors';
import type { Ledger, RowKey } from '@keyhaven/ledger';

// The names that administrators give to keys of this computer (field-facts 2.1). Promised: a name stays over restarts, and while its key is unplugged
// or elsewhere; it is of this computer only, and no vendor, application or other license manager is told of it.

export type KeyNames = {
  nameOf(key: string): string | undefined;
  /**
   * Resolves when it is durable; an empty name takes it away. `by`: the address from which it was asked.
   * @throws LicensingError KEYID_NOT_FOUND (18) where the key is not on this computer
   */
  change(key: string, name: string, by: string): Promise<void>;
};

type NameRow = { readonly name: string };
const PREFIX = 'lm/key-name/';
const rowOf = (key: string): RowKey => `${PREFIX}${key}`;

/** @throws LicensingError KEYID_NOT_FOUND (18) */
export const notHere = (key: string): LicensingError =>
  new LicensingError(Status.KEYID_NOT_FOUND, {
    detail: `No key of the id ${key.slice(0, 20)} is on this computer.`,
    remedy: 'Ask the license manager that has the key; see where it is with: keyhaven keys',
  });

export const openKeyNames = async (ledger: Ledger, isHere: (key: string) => boolean): Promise<KeyNames> => {
  const names = new Map<string, string>(); // BOUNDED by the keys that were here
  for await (const [row, { name }] of ledger.scan<NameRow>(PREFIX)) names.set(row.slice(PREFIX.length), name);
  return {
    nameOf: (key) => names.get(key),
    async change(key, name, by) {
      if (!isHere(key)) throw notHere(key);
      await ledger.update([], () => ({
        changes: [{ key: rowOf(key), row: name === '' ? undefined : { name } }],
        audit: [{ kind: 'key named', scope: key, detail: { name, by } }],
        reply: undefined,
      }));
      if (name === '') names.delete(key);
      else names.set(key, name);
    },
  };
};
