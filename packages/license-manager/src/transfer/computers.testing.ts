import { Buffer } from 'node:buffer';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { type DocumentKind, unarmor } from '@keyhaven/core/license';
import { lmIdentityFrom } from '@keyhaven/core/link';
import { createMemoryLedger, type LedgerSnapshot, type MemoryLedger } from '@keyhaven/ledger';
import { createAuditWriter } from '../acts/index.ts';
import { openAuthority } from '../authority/index.ts';
import type { Source } from '../candidates.ts';
import { type Key, openKeystore } from '../keystore/index.ts';
import { createTestVendor, type LicenseWish } from '../keystore/vendor.testing.ts';
import { createMachineSeal, systemEntropy } from '../machine/index.ts';
import { createOverview } from '../overview.ts';
import { openLicenseTime } from '../protection/index.ts';
import type { SimulatedClock } from '../simulated-clock.testing.ts';
import { openTransfers, type TransferSettings } from './index.ts';

// Computers without sockets that share a clock and pass each other files. A crash is a new one on the rows of the old.

export const vendor = createTestVendor();
const seal = createMachineSeal(['id:test'], Buffer.alloc(32, 9), systemEntropy);

/** Lets everything run that needs no time. */
export const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((done) => setImmediate(done));
};
export const refusalOf = async (work: Promise<unknown>): Promise<number> => {
  try {
    await work;
    return 0;
  } catch (error) {
    if (error instanceof LicensingError) return error.status;
    throw error;
  }
};

export const startComputer = async (
  clock: SimulatedClock,
  seed: number,
  options: {
    readonly snapshot?: LedgerSnapshot;
    readonly settings?: TransferSettings;
    readonly virtualMachine?: boolean;
    readonly barred?: number;
  } = {},
) => {
  const { snapshot, settings = { enabled: true, maxDays: 14 } } = options;
  const memory: MemoryLedger = createMemoryLedger({ now: () => clock.wall(), ...(snapshot === undefined ? {} : { initial: snapshot }) });
  let full = false;
  /** The disk may refuse what was decided; then nothing of it remains. */
  const ledger: MemoryLedger = {
    ...memory,
    update(keys, decide, how) {
      if (!full) return memory.update(keys, decide, how);
      return memory.update(keys, (rows, now) => {
        const decision = decide(rows, now);
        if (decision.changes.length > 0) throw new LicensingError(Status.DEVICE_ERR);
        return decision;
      });
    },
  };
  const keystore = await openKeystore(ledger, seal, systemEntropy);
  const ended: string[] = [];
  const gone: string[] = [];
  const authority = await openAuthority({
    ledger,
    audit: createAuditWriter({ ledger, clock, onEvent: () => undefined }),
    keystore,
    clock,
    entropy: systemEntropy,
    idleTimeoutMs: 1_000 * 3_600_000,
    onAttached: () => undefined,
    onAway: () => undefined,
    onEnded: (_session, cause) => void ended.push(cause),
  });
  const time = await openLicenseTime({ ledger, clock, matters: () => false, onSetBack: () => undefined });
  const self = lmIdentityFrom(Buffer.alloc(32, seed));
  const transfers = await openTransfers({
    self,
    hostname: `host-${seed}`,
    ledger,
    keystore,
    authority,
    clock,
    time,
    entropy: systemEntropy,
    settings,
    barred: async (_key, product) => (options.barred === product ? { status: Status.CLONE_DETECTED, detail: 'It is a copy.' } : undefined),
    virtualMachine: async () => options.virtualMachine ?? false,
    onGone: (key) => void gone.push(key),
    onEvent: () => undefined,
  });
  const overview = createOverview({
    self: { guid: self.guid, hostname: `host-${seed}`, address: '127.0.0.1' },
    keystore,
    authority,
    peers: { all: () => [] } as never,
  });
  const license = async (wish: LicenseWish, id?: string): Promise<Key> => {
    const key = id === undefined ? await keystore.unlicensed('sl-adminmode', vendor.code) : keystore.get(id);
    if (key === undefined) throw new Error('no such key');
    return (await authority.apply(vendor.license(await keystore.state(key, 'here', clock.wall()), wish))).key;
  };
  return {
    ledger,
    keystore,
    authority,
    transfers,
    ended,
    gone,
    license,
    source: (): Source => ({
      local: true,
      guid: self.guid,
      hostname: `host-${seed}`,
      address: '127.0.0.1',
      kind: 'admin',
      keys: overview.catalog(),
    }),
    id: (): Promise<string> => transfers.recipient({ type: 'sl-adminmode' }),
    detach: (key: Key, recipient: string, seconds = 3_600, seats?: number): Promise<string> =>
      transfers.detach({ key: key.identity.id, product: 1, recipient, seconds, seats, by: 'administrator' }),
    /** Applies the text of a file. */
    async apply(text: string): Promise<Key> {
      const { kind, bytes } = unarmor(text);
      return (await transfers.apply(transferKind(kind), bytes)).key;
    },
    used: (key: Key, feature = 42): number => authority.used({ key: key.identity.id, product: 1, feature }),
    async audit(): Promise<string[]> {
      return (await ledger.audit()).map(({ kind }) => kind);
    },
    fill: (of: boolean) => void (full = of),
    stop(): LedgerSnapshot {
      transfers.close();
      time.close();
      authority.close();
      return memory.snapshot();
    },
  };
};
export type Computer = Awaited<ReturnType<typeof startComputer>>;

const transferKind = (kind: DocumentKind): 'H2R' | 'R2H' | 'H2H' => {
  if (kind === 'H2R' || kind === 'R2H' || kind === 'H2H') return kind;
  throw new Error(`a ${kind}`);
};
