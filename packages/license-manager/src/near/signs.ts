import { closeSync, constants, mkdirSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { type Mono, mono } from '@keyhaven/core/time';

// Signs of life of the near LMs that share a store, beside its ledger: one small file each, written without waiting for the disk, so that
// every two seconds cost nothing. What they are good for and why they need not be trusted is said in core/lease/instances.ts. Nothing here
// fails: without signs, renewals are what counts.

export type Signs = {
  write(id: string, at: Mono): void;
  read(id: string): Mono | undefined;
  remove(id: string): void;
  /** Of whom there are signs. */
  all(): readonly string[];
};

const NAME = /^[0-9a-f]{32}$/;
/** Digits that a time is written with, so that each one covers the one before. */
const WIDTH = 20;

const orNothing = <T>(work: () => T): T | undefined => {
  try {
    return work();
  } catch {
    return undefined;
  }
};

export const createSigns = (store: string): Signs & { close(): void } => {
  const directory = join(store, 'signs');
  const files = new Map<string, number>(); // BOUNDED: this process writes its own
  orNothing(() => mkdirSync(directory, { mode: 0o700 }));
  const closeFile = (id: string): void => {
    const file = files.get(id);
    files.delete(id);
    if (file !== undefined) orNothing(() => closeSync(file));
  };
  return {
    write(id, at) {
      orNothing(() => {
        const file = files.get(id) ?? openSync(join(directory, id), constants.O_WRONLY | constants.O_CREAT | constants.O_NOFOLLOW, 0o600);
        files.set(id, file);
        writeSync(file, `${String(Math.floor(at)).padStart(WIDTH)}\n`, 0);
      });
    },
    read(id) {
      const text = orNothing(() => readFileSync(join(directory, id), 'latin1'));
      return text !== undefined && /^ *\d{1,15}\n$/.test(text) ? mono(Number(text)) : undefined;
    },
    remove(id) {
      closeFile(id);
      orNothing(() => rmSync(join(directory, id), { force: true }));
    },
    all: () => orNothing(() => readdirSync(directory).filter((name) => NAME.test(name))) ?? [],
    close() {
      for (const id of [...files.keys()]) closeFile(id);
    },
  };
};
