import { realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from '@keyhaven/core/time';
import { type Claim, claimState, type MachineSeal } from '../machine/index.ts';

// The keys of a user are one file that his applications share (T4). A copy of it, put in its place while one of them runs or shown to another one by a
// mount, would grant each seat twice (S20). So each LM says outside of the file which one it has open, before it grants anything, and is refused where another of
// the same keys has another file. Costs a look when it opens, and a comparison for each call.

export type StoreClaim = {
  /** undefined while it is this file that counts; else resolves when it is, or rejects with SHARING_VIOLATION (84). */
  held(): Promise<void> | undefined;
  close(): Promise<void>;
};

export const openStoreClaim = (options: {
  readonly seal: MachineSeal;
  readonly directory: string;
  readonly process: { readonly pid: number; readonly start: number };
  readonly clock: Clock;
}): StoreClaim => {
  const { seal, clock } = options;
  const directory = realpathSync.native(options.directory);
  const file = statSync(join(directory, 'ledger.db'), { bigint: true, throwIfNoEntry: false });
  if (file === undefined) return { held: () => undefined, close: async () => undefined }; // In memory: there is nothing to copy.
  const { dev, ino } = file;
  let claim: Claim | undefined;
  let asking: Promise<void> | undefined;
  let closed = false;

  const lose = (): void => {
    void claim?.close();
    claim = undefined;
  };
  const ask = async (): Promise<void> => {
    const lm = { ...options.process, directory, port: 0, store: `${dev}:${ino}` };
    const made = await claimState({ key: seal.key('running'), lm, clock, onConflict: lose });
    if (closed) await made.close();
    else claim = made;
  };
  const held = (): Promise<void> | undefined => {
    if (claim !== undefined) return undefined;
    asking ??= ask().finally(() => {
      asking = undefined;
    });
    return asking;
  };
  held()?.catch(() => undefined); // Told to whoever asks for a seat.

  return {
    held,
    async close() {
      closed = true;
      await asking?.catch(() => undefined);
      await claim?.close();
    },
  };
};
