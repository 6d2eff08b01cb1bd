import { createSchedule, type Random, searchPause } from '@keyhaven/core/discovery';
import type { Clock, Mono } from '@keyhaven/core/time';
import { type Resolve, resolveAll, systemResolve } from './names.ts';

// A search by TCP: asks each target at once and then again and again, none of them twice within five minutes (R4), whatever settings do
// meanwhile. Host names are looked up anew at each round, and all of their addresses are asked.

export type TcpSearchOptions = {
  readonly clock: Clock;
  /** Numbers in [0, 1) that nobody can predict. */
  readonly random: Random;
  /** Asks one address; never rejects. */
  readonly ask: (address: string, name: string) => Promise<void>;
  readonly resolve?: Resolve | undefined;
  readonly onNoAddress: (name: string, error: unknown) => void;
};

export type TcpSearch = {
  /** Searches these addresses and names from now on. Resolves when those that were due have answered or not. */
  search(targets: readonly string[], intervalMs: number): Promise<void>;
  nextSearch(): Mono | undefined;
  close(): void;
};

/** BOUNDED: targets asked at a time. */
const TOGETHER = 32;

export const createTcpSearch = (options: TcpSearchOptions): TcpSearch => {
  const { clock, random, resolve = systemResolve } = options;
  const schedule = createSchedule();
  let intervalMs = 0;
  let closed = false;
  let cancel = (): void => undefined;

  const askTarget = async (name: string): Promise<void> => {
    const addresses = await resolveAll([name], resolve, options.onNoAddress);
    await Promise.all(addresses.map(async (address) => (closed ? undefined : options.ask(address, name))));
  };
  const round = async (): Promise<void> => {
    cancel();
    const due = schedule.take(clock.mono(), () => searchPause({ intervalMs }, random));
    const next = schedule.nextAt();
    if (next !== undefined) cancel = clock.after(Math.max(0, Math.ceil(next - clock.mono())), () => void round());
    const worker = async (): Promise<void> => {
      for (let target = due.shift(); target !== undefined && !closed; target = due.shift()) await askTarget(target.to);
    };
    await Promise.all(Array.from({ length: Math.min(TOGETHER, due.length) }, worker));
  };

  return {
    search(targets, interval) {
      if (closed) return Promise.resolve();
      intervalMs = interval;
      const now = clock.mono();
      schedule.want(
        now,
        [...new Set(targets)].map((to) => ({ to, via: undefined })),
        now,
      );
      return round();
    },
    nextSearch: () => (closed ? undefined : schedule.nextAt()),
    close() {
      closed = true;
      cancel();
    },
  };
};
