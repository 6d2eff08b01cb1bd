import { Buffer } from 'node:buffer';
import { hex } from '@keyhaven/core/bytes';
import { admitMachine, IDENTITY_NAME, type Identity, type IdentityState, identityKey, stateOfIdentity } from '@keyhaven/core/compat';
import type { Entropy, KeyObject } from '@keyhaven/core/crypto';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { type Clock, MINUTE } from '@keyhaven/core/time';
import type { Ledger } from '@keyhaven/ledger';
import type { MachineSeal } from '../machine/index.ts';

// Identities of clients of the REST licensing API, kept in the ledger (C6). A secret is shown once, when it is made, and sealed to this computer.

type IdentityRow = Identity & { readonly secret: string };
export type IdentityWish = Pick<Identity, 'issuedTo' | 'rights'> &
  Partial<Pick<Identity, 'limitTo' | 'expires' | 'maxMachines'>> & {
    /** Chosen by the license manager where absent. */
    readonly id?: string;
  };
/** As administrators see it. */
export type ShownIdentity = Identity & {
  readonly state: IdentityState;
  /** When it was last used for anything that it may do, ISO 8601; absent = never. */
  readonly lastUsed?: string;
};
export type IdentityChange = {
  readonly issuedTo?: string | undefined;
  readonly rights?: Identity['rights'] | undefined;
  readonly disabled?: boolean | undefined;
  /** null takes the limit or the end away. */
  readonly limitTo?: Identity['limitTo'] | null | undefined;
  readonly expires?: string | null | undefined;
  /** null = any number. */
  readonly maxMachines?: number | null | undefined;
  /** Registered computers that are none any more. */
  readonly unregister?: readonly string[] | undefined;
};

export type Identities = {
  list(): readonly ShownIdentity[];
  /** With its secret, which is told this once. @throws LicensingError INVALID_PARAMETER (501) */
  add(wish: IdentityWish, by: string): Promise<{ readonly identity: ShownIdentity; readonly secret: string }>;
  /** @throws LicensingError INV_HND (9) where there is no such identity */
  change(id: string, change: IdentityChange, by: string): Promise<ShownIdentity>;
  remove(id: string, by: string): Promise<void>;
  /** Before a login from this computer. Rejects with IDENTITY_TOO_MANY_MACHINES (92); resolves when it is registered, where that is asked for. */
  register(id: string, machine: string, by: string): Promise<void>;
  /** It asked for something that it may do. Nobody waits for that to be written. */
  used(id: string): void;
  /** For whoever checks signatures. */
  find(id: string): { readonly identity: Identity; readonly key: KeyObject } | undefined;
};

/** BOUNDED: identities of a license manager. */
const MAX_IDENTITIES = 10_000;
const SECRET_BYTES = 16;
const rowKey = (id: string) => `lm/identity/${id}` as const;
const useKey = (id: string) => `lm/identity-use/${id}` as const;
/** How often the last use of an identity is written; a crash forgets what was later. */
const WRITE_USE_MS = 10 * MINUTE;
const contextOf = (id: string): string => `identity ${id}`;

const machinesOf = (maxMachines: number | undefined, machines: Identity['machines']): Pick<Identity, 'maxMachines' | 'machines'> => ({
  ...(maxMachines === undefined ? {} : { maxMachines }),
  ...(machines === undefined || machines.length === 0 ? {} : { machines }),
});
const plainOf = ({ id, issuedTo, rights, limitTo, expires, disabled, since, maxMachines, machines }: IdentityRow): Identity => ({
  id,
  issuedTo,
  rights,
  ...(limitTo === undefined ? {} : { limitTo }),
  ...(expires === undefined ? {} : { expires }),
  disabled,
  since,
  ...machinesOf(maxMachines, machines),
});

export const openIdentities = async (options: {
  readonly ledger: Ledger;
  readonly seal: Pick<MachineSeal, 'seal' | 'open'>;
  readonly clock: Clock;
  readonly entropy: Entropy;
  /** What was allowed a moment ago is not any more: sessions of the identity end. Never rejects. */
  readonly onWithdrawn: (id: string) => void;
}): Promise<Identities> => {
  const { ledger, seal, clock, entropy } = options;
  const known = new Map<string, { readonly row: IdentityRow; readonly key: KeyObject }>(); // BOUNDED by MAX_IDENTITIES
  const take = (row: IdentityRow): boolean => {
    const secret = seal.open(contextOf(row.id), row.secret);
    if (secret === undefined) return false;
    known.set(row.id, { row, key: identityKey(secret.toString('ascii')) });
    return true;
  };
  for await (const [, row] of ledger.scan<IdentityRow>('lm/identity/')) take(row);
  /** Of each identity: when it was last used, and which of that is written. Milliseconds since 1970. */
  const uses = new Map<string, { at: number; written: number }>(); // BOUNDED by MAX_IDENTITIES
  for await (const [row, { at }] of ledger.scan<{ readonly at: number }>('lm/identity-use/'))
    uses.set(row.slice('lm/identity-use/'.length), { at, written: at });
  const shown = (row: IdentityRow): ShownIdentity => {
    const use = uses.get(row.id);
    return {
      ...plainOf(row),
      state: stateOfIdentity(row, clock.wall()),
      ...(use === undefined ? {} : { lastUsed: new Date(use.at).toISOString() }),
    };
  };

  const keep = (
    kind: string,
    id: string,
    row: IdentityRow | undefined,
    by: string,
    more: { readonly machine?: string } = {},
  ): Promise<void> =>
    ledger.update([rowKey(id)], () => ({
      changes: [{ key: rowKey(id), row }, ...(row === undefined ? [{ key: useKey(id), row }] : [])],
      audit: [{ kind, scope: 'lm', detail: { identity: id, address: by, ...more } }],
      reply: undefined,
    }));
  /** Changes of what is known, one after the other, so that none is made of what another one is about to change. */
  let changing: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const done = changing.then(work);
    changing = done.catch(() => undefined);
    return done;
  };
  const rowOf = (id: string): IdentityRow => {
    const row = known.get(id)?.row;
    if (row === undefined)
      throw new LicensingError(Status.INV_HND, {
        detail: `There is no identity ${JSON.stringify(id.slice(0, 40))}.`,
        remedy: 'List them with: keyhaven identity list',
      });
    return row;
  };

  const added = async (wish: IdentityWish, by: string): Promise<{ readonly identity: ShownIdentity; readonly secret: string }> => {
    const id = wish.id ?? `id-${hex(entropy.bytes(6))}`;
    if (!IDENTITY_NAME.test(id))
      throw new LicensingError(Status.INVALID_PARAMETER, { detail: 'The name of an identity has letters, digits, - and _, at most 40.' });
    if (known.has(id)) throw new LicensingError(Status.INVALID_PARAMETER, { detail: `There is an identity ${id} already.` });
    if (known.size >= MAX_IDENTITIES)
      throw new LicensingError(Status.INVALID_PARAMETER, { detail: `There are ${MAX_IDENTITIES} identities.` });
    const secret = hex(entropy.bytes(SECRET_BYTES));
    const row: IdentityRow = {
      id,
      issuedTo: wish.issuedTo,
      rights: wish.rights,
      ...(wish.limitTo === undefined ? {} : { limitTo: wish.limitTo }),
      ...(wish.expires === undefined ? {} : { expires: wish.expires }),
      disabled: false,
      since: new Date(clock.wall()).toISOString(),
      secret: seal.seal(contextOf(id), Buffer.from(secret, 'ascii')),
      ...machinesOf(wish.maxMachines, undefined),
    };
    await keep('identity added', id, row, by);
    take(row);
    return { identity: shown(row), secret };
  };
  const changed = async (id: string, change: IdentityChange, by: string): Promise<ShownIdentity> => {
    const { limitTo: limited, expires: ending, maxMachines: most, machines, ...before } = rowOf(id);
    const { issuedTo, rights, disabled, limitTo, expires, maxMachines, unregister = [] } = change;
    const limits = limitTo === undefined ? limited : (limitTo ?? undefined);
    const end = expires === undefined ? ending : (expires ?? undefined);
    const row: IdentityRow = {
      ...before,
      issuedTo: issuedTo ?? before.issuedTo,
      rights: rights ?? before.rights,
      disabled: disabled ?? before.disabled,
      ...(limits === undefined ? {} : { limitTo: limits }),
      ...(end === undefined ? {} : { expires: end }),
      ...machinesOf(
        maxMachines === undefined ? most : (maxMachines ?? undefined),
        machines?.filter(({ machine }) => !unregister.includes(machine)),
      ),
    };
    await keep('identity changed', id, row, by);
    take(row);
    if (row.disabled && !before.disabled) options.onWithdrawn(id);
    return shown(row);
  };

  return {
    list: () => [...known.values()].map(({ row }) => shown(row)),
    add: (wish, by) => inTurn(() => added(wish, by)),
    change: (id, change, by) => inTurn(() => changed(id, change, by)),
    remove: (id, by) =>
      inTurn(async () => {
        rowOf(id);
        await keep('identity removed', id, undefined, by);
        known.delete(id);
        uses.delete(id);
        options.onWithdrawn(id);
      }),
    async register(id, machine, by) {
      if (admitMachine(rowOf(id), machine) === 'known') return;
      await inTurn(async () => {
        const before = rowOf(id);
        const admitted = admitMachine(before, machine);
        if (typeof admitted === 'object')
          throw new LicensingError(admitted.status, {
            detail: admitted.detail,
            remedy: 'Unregister one with: keyhaven identity change ID --unregister COMPUTER',
          });
        if (admitted === 'known') return;
        const machines = [...(before.machines ?? []), { machine, since: new Date(clock.wall()).toISOString() }];
        const row = { ...before, machines };
        await keep('identity registered', id, row, by, { machine });
        take(row);
      });
    },
    used(id) {
      const at = clock.wall();
      const use = uses.get(id) ?? { at, written: Number.NEGATIVE_INFINITY };
      use.at = at;
      uses.set(id, use);
      if (at - use.written < WRITE_USE_MS) return;
      use.written = at;
      // What the disk refuses now is written the next time.
      ledger
        .update(
          [rowKey(id)],
          (rows) => ({
            changes: rows.get(rowKey(id)) === undefined ? [] : [{ key: useKey(id), row: { at } }],
            audit: [],
            reply: undefined,
          }),
          { durability: 'later' },
        )
        .catch(() => undefined);
    },
    find(id) {
      const found = known.get(id);
      return found && { identity: plainOf(found.row), key: found.key };
    },
  };
};
