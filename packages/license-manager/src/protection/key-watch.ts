import type { CatalogKey } from '@keyhaven/core/admin';
import type { Entropy } from '@keyhaven/core/crypto';
import { Status } from '@keyhaven/core/errors';
import type { Clock } from '@keyhaven/core/time';
import type { Bar } from '../authority/index.ts';
import type { Keystore } from '../keystore/index.ts';
import type { Peer, Peers } from '../peers/index.ts';
import { proveKey } from './proof.ts';
import type { SeenKeys } from './seen-keys.ts';

// Watches the keys of other LMs (K9). What their catalogs say makes it ask; what the keys prove is what counts:
// - a key that is here too, and that the other LM proves to hold, is a clone;
// - a key that shows an older license than it has shown before was put back in time, and nothing here uses it until it has caught up.
// Catalogs that say so themselves are believed where that harms only who says it.

export type KeyWatch = {
  /** A catalog or the state of another LM may have changed. */
  look(): void;
  /** Where else a key of this LM is, as host names. */
  elsewhere(key: string): readonly string[];
  /** Why a key of another LM is not used. */
  refused(guid: string, key: string): Bar | undefined;
  /** Resolves when all that is known was looked at. */
  settled(): Promise<void>;
  close(): void;
};

export type KeyWatchOptions = {
  readonly keystore: Keystore;
  readonly peers: Peers;
  readonly seen: SeenKeys;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly onDuplicate: (key: string, peer: Peer) => void;
  readonly onWentBack: (key: string, peer: Peer, bar: Bar) => void;
};

/** What was last proven of one key at one LM; `claimed` is what the catalog said then, so that it is asked again when that changes. */
type Known = { readonly claimed: number; readonly proven: number | undefined; readonly failures: number };

/** A link may break while it is asked; an LM that never proves what it says is not asked for ever. */
const MAX_FAILURES = 3;

export const createKeyWatch = (options: KeyWatchOptions): KeyWatch => {
  const { keystore, peers, seen, clock } = options;
  const known = new Map<string, Map<string, Known>>(); // BOUNDED by peers and their catalogs: forgotten with them
  const told = new Set<string>(); // BOUNDED likewise
  /** Keys of this LM, and the LMs that have proven to hold them, too. BOUNDED by keys here and peers. */
  const twice = new Map<string, Set<string>>();
  let again = false;
  let running: Promise<void> | undefined;
  let closed = false;

  const here = (key: CatalogKey): boolean => keystore.get(key.key)?.license !== undefined;
  const of = (guid: string): Map<string, Known> => {
    const found = known.get(guid) ?? new Map<string, Known>();
    known.set(guid, found);
    return found;
  };

  const barOf = (peer: Peer, key: CatalogKey): Bar | undefined => {
    const before = seen.get(key.key);
    const shown = Math.min(key.counter, of(peer.guid).get(key.key)?.proven ?? key.counter);
    if (before === undefined || shown >= before.counter) return undefined;
    const detail = `Key ${key.key} on ${peer.hostname || peer.guid} is at update ${shown}, but was at ${before.counter} before: its state was put back in time.`;
    return { status: Status.CLONE_DETECTED, detail };
  };
  const tellOnce = (name: string, tell: () => void): void => {
    if (told.has(name)) return;
    told.add(name);
    tell();
  };

  const check = async (peer: Peer, key: CatalogKey): Promise<void> => {
    const before = of(peer.guid).get(key.key);
    const current = before?.claimed === key.counter && (before.proven !== undefined || before.failures >= MAX_FAILURES);
    if (!current) {
      const proof = await proveKey(peers, peer.guid, key, clock, options.entropy).catch(() => undefined);
      if (closed) return;
      const failures = proof !== undefined ? 0 : before?.claimed === key.counter ? before.failures + 1 : 1;
      of(peer.guid).set(key.key, { claimed: key.counter, proven: proof?.counter, failures });
      const owner = seen.get(key.key)?.vendorKey ?? key.vendorKey;
      // Where the disk refuses, this LM remembers it only while it runs.
      if (proof !== undefined && proof.vendorKey === owner)
        await seen.note(key.key, proof.counter, proof.vendorKey, clock.wall()).catch(() => undefined);
    }
    const bar = barOf(peer, key);
    if (bar === undefined) told.delete(`back ${peer.guid} ${key.key}`);
    else tellOnce(`back ${peer.guid} ${key.key}`, () => options.onWentBack(key.key, peer, bar));
    if (here(key) && of(peer.guid).get(key.key)?.proven !== undefined) {
      twice.set(key.key, (twice.get(key.key) ?? new Set()).add(peer.guid));
      tellOnce(`twice ${peer.guid} ${key.key}`, () => options.onDuplicate(key.key, peer));
    }
  };

  const forgetGone = (): void => {
    for (const [guid, keys] of known) {
      const peer = peers.get(guid);
      // An LM that is only lost may have what it had.
      if (peer === undefined) known.delete(guid);
      if (peer?.state !== 'linked') continue;
      for (const key of keys.keys()) {
        if (peer.catalog.some((each) => each.key === key)) continue;
        keys.delete(key);
        told.delete(`twice ${guid} ${key}`);
        twice.get(key)?.delete(guid);
      }
    }
  };

  const run = async (): Promise<void> => {
    while (again && !closed) {
      again = false;
      forgetGone();
      // One that does not answer holds up no other.
      await Promise.all(
        peers.all().map(async (peer) => {
          for (const key of peer.state === 'linked' ? peer.catalog : []) if (!closed && peer.state === 'linked') await check(peer, key);
        }),
      );
    }
    running = undefined;
  };

  return {
    look() {
      if (closed) return;
      again = true;
      running ??= run();
    },
    elsewhere: (key) =>
      [...(twice.get(key) ?? [])].flatMap((guid) => {
        const peer = peers.get(guid);
        return peer?.state === 'linked' && peer.catalog.some((each) => each.key === key) ? [peer.hostname || guid] : [];
      }),
    refused(guid, key) {
      const peer = peers.get(guid);
      const entry = peer?.catalog.find((each) => each.key === key);
      return peer === undefined || entry === undefined ? undefined : barOf(peer, entry);
    },
    async settled() {
      while (running !== undefined) await running;
    },
    close() {
      closed = true;
    },
  };
};
