import { Buffer } from 'node:buffer';
import { lstatSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Random } from '../world/random.ts';
import { DIRECTORY, EMPTIED, MADE, type Recorded } from './tape.ts';

// A disk with a cache that power loss empties, as POSIX allows it: of a file only what a sync that has ended covers is sure to be there; of what came
// later any sector may be there or not, in any order, and its length may be any of those that it had. A name is there for sure only when its
// directory was synced; of later changes to a directory a beginning survives, as journals keep them.

const SECTOR = 512;

type Change = { readonly kind: 'write'; readonly at: number; readonly data: Buffer } | { readonly kind: 'truncate'; readonly size: number };
type File = {
  readonly kind: 'file';
  readonly durable: Content;
  readonly pending: Change[];
  base: number;
  readonly begun: Map<bigint, number>;
};
type Folder = {
  readonly kind: 'folder';
  durable: Map<string, Node>;
  live: Map<string, Node>;
  /** Each is done whole or not at all. */
  readonly pending: (readonly (readonly [name: string, node: Node | undefined])[])[];
  base: number;
  readonly begun: Map<bigint, number>;
};
type Node = File | Folder;

const file = (durable?: Buffer): File => ({ kind: 'file', durable: new Content(durable), pending: [], base: 0, begun: new Map() });
const folder = (): Folder => ({ kind: 'folder', durable: new Map(), live: new Map(), pending: [], base: 0, begun: new Map() });

/** What a file holds; changed in place, for a log grows by a page at a time. */
class Content {
  #bytes: Buffer;
  #size: number;

  constructor(bytes: Buffer = Buffer.alloc(0)) {
    this.#bytes = bytes;
    this.#size = bytes.length;
  }
  get size(): number {
    return this.#size;
  }
  get bytes(): Buffer {
    return this.#bytes.subarray(0, this.#size);
  }
  copy(): Content {
    return new Content(Buffer.from(this.bytes));
  }
  resize(size: number): void {
    if (size > this.#bytes.length) {
      const grown = Buffer.alloc(Math.max(size, 2 * this.#bytes.length));
      this.bytes.copy(grown);
      this.#bytes = grown;
    } else if (size > this.#size) this.#bytes.fill(0, this.#size, size);
    this.#size = size;
  }
  apply(change: Change): void {
    if (change.kind === 'truncate') return this.resize(change.size);
    this.resize(Math.max(this.#size, change.at + change.data.length));
    change.data.copy(this.#bytes, change.at);
  }
}

export type Disk = {
  play(record: Recorded): void;
  /** Puts what a power cut at this moment leaves into a directory that is made for it. */
  leave(directory: string, random: Random): void;
};

/** @param root what is there before the tape begins, all of it durable */
export const createDisk = (root: string): Disk => {
  const nodes = new Map<bigint, Node>();
  const top = folder();
  const load = (path: string, into: Folder): void => {
    nodes.set(BigInt(lstatSync(path).ino), into);
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      const child = join(path, entry.name);
      const node: Node = entry.isDirectory() ? folder() : file(readFileSync(child));
      if (node.kind === 'folder') load(child, node);
      else nodes.set(BigInt(lstatSync(child).ino), node);
      into.durable.set(entry.name, node);
      into.live.set(entry.name, node);
    }
  };
  load(root, top);

  const placeOf = (name: string): readonly [parent: Folder, last: string] => {
    const parts = name.split('/').slice(1);
    const last = parts.pop() ?? '';
    let at = top;
    for (const part of parts) {
      const next = at.live.get(part);
      if (next?.kind !== 'folder') throw new Error(`the tape names ${name}, and its directory is not there`);
      at = next;
    }
    return [at, last];
  };
  const set = (parent: Folder, changes: readonly (readonly [string, Node | undefined])[]): void => {
    for (const [name, node] of changes) {
      if (node === undefined) parent.live.delete(name);
      else parent.live.set(name, node);
    }
    parent.pending.push(changes);
  };
  const synced = (node: Node, number: bigint): void => {
    const covered = (node.begun.get(number) ?? node.base) - node.base;
    node.begun.delete(number);
    if (covered <= 0) return;
    node.base += covered;
    if (node.kind === 'file') for (const change of node.pending.splice(0, covered)) node.durable.apply(change);
    else
      for (const [name, child] of node.pending.splice(0, covered).flat()) {
        if (child === undefined) node.durable.delete(name);
        else node.durable.set(name, child);
      }
  };
  const fileOf = ({ inode, name }: Recorded): File => {
    const found = nodes.get(inode);
    if (found?.kind !== 'file') throw new Error(`the tape changes file ${inode} ${name}, which nobody opened`);
    return found;
  };

  const contentLeft = (of: File, random: Random): Buffer => {
    const survives = random.pick(['nothing', 'all', 'a beginning', 'some sectors', 'some sectors', 'some changes']);
    const share = random.pick([0.1, 0.5, 0.9]);
    const first = random.below(of.pending.length + 1);
    const content = of.durable.copy();
    for (const [index, change] of of.pending.entries()) {
      const whole =
        survives === 'all' || (survives === 'a beginning' && index < first) || (survives === 'some changes' && random.chance(share));
      if (whole || (survives === 'some sectors' && change.kind === 'truncate' && random.chance(share))) content.apply(change);
      else if (change.kind === 'write' && (survives === 'some sectors' || (survives === 'a beginning' && index === first))) {
        for (let from = 0; from < change.data.length; ) {
          const at = change.at + from;
          const length = Math.min(SECTOR - (at % SECTOR), change.data.length - from);
          if (random.chance(share)) content.apply({ kind: 'write', at, data: change.data.subarray(from, from + length) });
          from += length;
        }
      } else if (change.kind === 'write' && survives !== 'nothing' && random.chance(0.3)) {
        // The length is there, and what was to be there is not.
        const size = change.at + change.data.length;
        content.resize(Math.max(size, content.size));
      }
    }
    return content.bytes;
  };
  const leave = (of: Folder, directory: string, random: Random): void => {
    mkdirSync(directory, { mode: 0o700 });
    const names = new Map(of.durable);
    const kept = random.pick([0, of.pending.length, random.below(of.pending.length + 1)]);
    for (const [name, node] of of.pending.slice(0, kept).flat()) {
      if (node === undefined) names.delete(name);
      else names.set(name, node);
    }
    for (const [name, node] of names) {
      const path = join(directory, name);
      if (node.kind === 'folder') leave(node, path, random);
      // Memory that processes shared: whatever the system wrote of it, and when.
      else if (name.endsWith('-shm')) writeFileSync(path, random.entropy.bytes(32_768), { mode: 0o600 });
      else writeFileSync(path, contentLeft(node, random), { mode: 0o600 });
    }
  };

  return {
    play(record) {
      const { kind, inode, number, name } = record;
      switch (kind) {
        case 'open': {
          if (name === '') return;
          const [parent, last] = placeOf(name);
          if ((number & DIRECTORY) !== 0n) return void nodes.set(inode, parent.live.get(last) ?? folder());
          const there = parent.live.get(last);
          // Of two processes that make it at once, both say so.
          if (there === undefined || ((number & MADE) !== 0n && nodes.get(inode) !== there)) {
            const made = file();
            nodes.set(inode, made);
            set(parent, [[last, made]]);
          } else if ((number & EMPTIED) !== 0n && there.kind === 'file') there.pending.push({ kind: 'truncate', size: 0 });
          return;
        }
        case 'write':
          return void fileOf(record).pending.push({ kind, at: Number(number), data: record.payload });
        case 'truncate':
          return void fileOf(record).pending.push({ kind, size: Number(number) });
        case 'sync begins': {
          const node = nodes.get(inode);
          node?.begun.set(number, node.base + node.pending.length);
          return;
        }
        case 'synced': {
          const node = nodes.get(inode);
          if (node !== undefined) synced(node, number);
          return;
        }
        case 'rename': {
          const [from, old] = placeOf(name);
          const [to, next] = placeOf(record.payload.toString());
          const node = from.live.get(old);
          if (from === to)
            return set(from, [
              [old, undefined],
              [next, node],
            ]);
          set(to, [[next, node]]);
          return set(from, [[old, undefined]]);
        }
        case 'link': {
          const [parent, last] = placeOf(name);
          return set(parent, [[last, nodes.get(inode)]]);
        }
        case 'remove': {
          const [parent, last] = placeOf(name);
          return set(parent, [[last, undefined]]);
        }
        case 'make directory': {
          const [parent, last] = placeOf(name);
          const made = folder();
          nodes.set(inode, made);
          return set(parent, [[last, made]]);
        }
      }
    },
    leave: (directory, random) => leave(top, directory, random),
  };
};
