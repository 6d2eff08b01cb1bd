import { type Catalog, type CatalogKey, parseCatalog } from '@keyhaven/core/admin';
import type { Block } from '@keyhaven/core/link';

// What another LM has told of its keys (R3). All of it is a hint (K18): what is no catalog of ours is nothing, and what is beyond the bounds is not
// kept, which hides keys and harms nothing else.

/** BOUNDED: characters that one peer, and all of them together, may tell of their keys; parts of one answer. */
const MAX_OF_ONE = 16 * 1024 * 1024;
const MAX_TOGETHER = 128 * 1024 * 1024;
const MAX_PARTS = 256;

/** What all peers share. */
export type CatalogRoom = { take(characters: number): boolean; give(characters: number): void };
export const createCatalogRoom = (limit = MAX_TOGETHER): CatalogRoom => {
  let used = 0;
  return {
    take(characters) {
      if (used + characters > limit) return false;
      used += characters;
      return true;
    },
    give(characters) {
      used -= characters;
    },
  };
};

export type CatalogBlock = Extract<Block, { readonly kind: 'catalog' | 'catalog part' | 'changes' }>;

export type KnownCatalog = {
  readonly keys: Catalog;
  /** Whether something was told once. */
  readonly told: boolean;
  /** What to ask on a link of this version; with `fresh` for the seats in use, too. */
  question(linkVersion: number, fresh: boolean, hears: boolean): Block;
  /** `news`: told for the first time, or different. undefined: there is more to come. */
  take(linkVersion: number, block: CatalogBlock): 'news' | 'nothing new' | undefined;
  /** What has come of an answer is not all of it, and no more comes. */
  abandon(): void;
  /** Forgets everything, so that others have its room. */
  close(): void;
};

/** An answer as far as it has come. */
type Arriving = {
  readonly since: number;
  readonly version: number;
  readonly keys: CatalogKey[]; // BOUNDED by MAX_OF_ONE
  readonly removed: string[]; // BOUNDED by MAX_PARTS
  size: number;
  parts: number;
  readable: boolean;
};

export const createKnownCatalog = (room: CatalogRoom, most = MAX_OF_ONE): KnownCatalog => {
  let keys = new Map<string, CatalogKey>(); // BOUNDED by `most` and the room
  let list: Catalog = [];
  let size = 0;
  let told = false;
  /** What `version` means is another thing in each version of the link. */
  let known = { linkVersion: 0, version: 0 };
  let arriving: Arriving | undefined;

  const hold = (next: Map<string, CatalogKey>, characters: number): void => {
    room.give(size);
    size = room.take(characters) ? characters : 0;
    keys = size === characters ? next : new Map<string, CatalogKey>();
    list = [...keys.values()];
  };
  /** Takes the answer that is complete. */
  const settle = (
    linkVersion: number,
    { since, version, keys: fresh, removed, size: more, readable }: Arriving,
  ): 'news' | 'nothing new' => {
    const first = !told;
    told = true;
    if (!readable) {
      // A peer that speaks another language has nothing for us.
      hold(new Map(), 0);
      known = { linkVersion, version };
      return 'news';
    }
    if (since === 0) {
      hold(new Map(fresh.map((key) => [key.key, key])), more);
      known = { linkVersion, version };
      return 'news';
    }
    if (known.linkVersion !== linkVersion || known.version !== since) {
      // An answer to a question of before; the next question is for everything, unless the answer has been here already.
      if (known.version !== version) known = { linkVersion, version: 0 };
      return first ? 'news' : 'nothing new';
    }
    known = { linkVersion, version };
    if (fresh.length === 0 && removed.length === 0) return first ? 'news' : 'nothing new';
    const next = new Map(keys);
    for (const key of removed) next.delete(key);
    for (const key of fresh) next.set(key.key, key);
    hold(next, size + more);
    // What has changed again and again adds up to more than there is: the next answer counts anew.
    if (size > most || size < more) known = { linkVersion, version: 0 };
    return 'news';
  };

  const add = (json: string, since: number, version: number, removed: readonly string[]): Arriving => {
    const current: Arriving =
      arriving?.version === version && arriving.since === since
        ? arriving
        : { since, version, keys: [], removed: [], size: 0, parts: 0, readable: true };
    arriving = current;
    current.parts += 1;
    if (current.parts > MAX_PARTS || current.size + json.length > most || !current.readable) return current;
    current.size += json.length;
    try {
      current.keys.push(...parseCatalog(json));
      current.removed.push(...removed);
    } catch {
      current.readable = false;
      current.keys.length = 0;
    }
    return current;
  };
  const end = (linkVersion: number, complete: Arriving): 'news' | 'nothing new' => {
    arriving = undefined;
    return settle(linkVersion, complete);
  };

  return {
    get keys() {
      return list;
    },
    get told() {
      return told;
    },
    question(linkVersion, fresh, hears) {
      const version = known.linkVersion === linkVersion ? known.version : 0;
      return linkVersion < 2 ? { kind: 'ask catalog', version: fresh ? 0 : version } : { kind: 'ask changes', version, fresh, hears };
    },
    take(linkVersion, block) {
      switch (block.kind) {
        case 'catalog part':
          add(block.json, 0, block.version, []);
          return undefined;
        case 'catalog': {
          if (block.json !== '') return end(linkVersion, add(block.json, 0, block.version, []));
          arriving = undefined;
          const first = !told;
          told = true;
          return first ? 'news' : 'nothing new';
        }
        case 'changes': {
          const so = add(block.json, block.since, block.version, block.removed);
          return block.more ? undefined : end(linkVersion, so);
        }
      }
    },
    abandon() {
      arriving = undefined;
    },
    close() {
      hold(new Map(), 0);
      arriving = undefined;
    },
  };
};
