import type { LicensingError } from '@keyhaven/core/errors';
import { createMemoryLedger, type LedgerSnapshot, type MemoryLedger } from '@keyhaven/ledger';
import { createComputerClock, createNet, product, settle, tower } from '../protection/lms.testing.ts';
import type { TransferSettings } from './index.ts';

// An owner and its recipients, linked, in one process; each can be cut off, crash, and be started again on what was durable.

export const PRODUCT = 1;
export const FEATURE = 10;
const LENDS: TransferSettings = { enabled: true, maxDays: 14 };

export const lendable = (id = PRODUCT) => {
  const made = product(id, { type: 'perpetual' });
  return { ...made, features: made.features.map((feature) => ({ ...feature, detachable: true })) };
};

type Seat = {
  readonly transfer?: TransferSettings;
  readonly virtual?: boolean;
  readonly access?: Parameters<Awaited<ReturnType<typeof createNet>>['start']>[0]['access'];
};

export const createOffices = async () => {
  const { clock, pass } = createComputerClock();
  const net = createNet(clock);
  const open = async (host: string, seed: number, { transfer = LENDS, virtual = false, access }: Seat = {}, initial?: LedgerSnapshot) => {
    const ledger: MemoryLedger = createMemoryLedger({ now: () => clock.wall(), ...(initial === undefined ? {} : { initial }) });
    const observe = () => ({ ...tower(`disk ${seed}`, `board ${seed}`), host: virtual ? ('virtual' as const) : ('physical' as const) });
    const lm = await net.start({ host, seed, ledger, transfer, observe, ...(access === undefined ? {} : { access }) });
    let alive = true;
    /** What a dead one answers arrives nowhere. */
    const arriving = async <T>(answer: T | Promise<T>): Promise<T> => {
      const said = await answer;
      if (!alive) throw new Error('the connection is gone');
      return said;
    };
    const { answerer } = lm.lm;
    net.answerers.set(host, {
      hello: answerer.hello,
      confirm: answerer.confirm,
      exchange: (...of) => arriving(answerer.exchange(...of)),
      listen: (...of) => arriving(answerer.listen(...of)),
    });
    return {
      ...lm,
      memory: ledger,
      /** On what was durable when it was killed. */
      async again(seat: Seat = {}) {
        const snapshot = ledger.snapshot();
        alive = false;
        net.answerers.delete(host);
        await lm.stop();
        return open(host, seed, seat, snapshot);
      },
    };
  };
  return {
    clock,
    pass,
    net,
    open,
    meet: net.meet,
    /** Others do not reach it; what it was is put back by what is returned. */
    cut(host: string): () => void {
      const answerer = net.answerers.get(host);
      net.answerers.delete(host);
      return () => void (answerer !== undefined && net.answerers.set(host, answerer));
    },
  };
};
export type Office = Awaited<ReturnType<Awaited<ReturnType<typeof createOffices>>['open']>>;

export const wish = (
  owner: Office,
  key: string,
  more: { readonly duration?: number; readonly seats?: number; readonly product?: number } = {},
) => ({
  licenseManager: owner.guid,
  key,
  product: PRODUCT,
  duration: 3_600,
  ...more,
});
export const usedAt = (office: Office, key: string): number => office.lm.authority.used({ key, product: PRODUCT, feature: FEATURE });
export const outOf = (office: Office): number => office.lm.transfers.detached().length;
/** 0, or the number of the refusal and what it says. */
export const outcomeOf = async (
  work: Promise<unknown>,
): Promise<{ readonly status: number; readonly detail?: string; readonly remedy?: string }> => {
  try {
    await work;
    return { status: 0 };
  } catch (error) {
    const { status, detail = '', remedy } = error as LicensingError;
    if (typeof status !== 'number') throw error;
    return { status, detail, remedy };
  }
};
export { settle };
