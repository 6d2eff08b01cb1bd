import { Buffer } from 'node:buffer';
import { fromBase64, hex, Reader } from '@keyhaven/core/bytes';
import { type Block, decodeBlocks } from '@keyhaven/core/link';
import { readAlong } from './channels.ts';
import type { Draw } from './entropy.ts';
import type { Posted, Said } from './tape.ts';

// Writes down what two LMs say to each other: each POST with the blocks in it, and what the application's records in them say.

/** Link id, sequence and HMAC stand before the blocks. */
const HEAD = 4 + 8 + 32;

const plain = (value: unknown): unknown => {
  if (value instanceof Uint8Array) return hex(value);
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, plain(each)]));
};

export type LinkReader = { request(path: string, body: string): Said[]; answer(path: string, body: string): Said[] };

export const createLinkReader = (applicationDraws: () => readonly Draw[]): LinkReader => {
  const along = readAlong(applicationDraws);
  const ofBlock = (block: Block, toAnswerer: boolean): Said => {
    if (block.kind === 'open') along.opening(block.channel, block.opening);
    if (block.kind === 'opened') along.answer(block.channel, block.answer);
    if (block.kind === 'catalog' || block.kind === 'catalog part') {
      const { json, ...rest } = block;
      return { ...rest, keys: json === '' ? '' : JSON.parse(json) };
    }
    if (block.kind === 'changes') {
      const { json, ...rest } = block;
      return { ...rest, keys: JSON.parse(json) };
    }
    if (block.kind !== 'record') return plain(block) as Said;
    const { channel, record } = block;
    return { kind: 'record', channel, inside: toAnswerer ? along.toKey(channel, record) : along.toApplication(channel, record) };
  };
  const blocksOf = (body: string, toAnswerer: boolean): Said[] => {
    const bytes = fromBase64(body) ?? Buffer.alloc(0);
    return decodeBlocks(bytes.subarray(HEAD)).map((block) => ofBlock(block, toAnswerer));
  };
  const handshake = (path: string, body: string, version: (reader: Reader) => object): Said[] => {
    const reader = new Reader(fromBase64(body) ?? Buffer.alloc(0));
    return [{ kind: path.slice(path.lastIndexOf('/') + 1), ...version(reader) }];
  };
  const isHandshake = (path: string): boolean => path.endsWith('/hello') || path.endsWith('/confirm');
  return {
    request(path, body) {
      if (path.endsWith('/hello'))
        return handshake(path, body, (reader) => ({ from: reader.u8(), to: reader.u8(), publicKey: hex(reader.bytes(32)) }));
      return isHandshake(path) ? handshake(path, body, (reader) => ({ link: reader.u32() })) : blocksOf(body, true);
    },
    answer(path, body) {
      if (path.endsWith('/hello'))
        return handshake(path, body, (reader) => ({ link: reader.u32(), version: reader.u8(), publicKey: hex(reader.bytes(32)) }));
      return isHandshake(path) ? [] : blocksOf(body, false);
    },
  };
};

/** What an LM answered, as an old one that asked reads it; words for people are not promised. */
export const postedMeans = ({ path, code, says }: Posted): unknown => ({
  path,
  code,
  says: says.map((said) => {
    const { detail: _, ...rest } = said;
    if (said.kind !== 'record' || !Array.isArray(said['inside'])) return rest;
    const inside: readonly { readonly status: number; readonly body: unknown }[] = said['inside'];
    return { ...rest, inside: inside.map(({ body, ...reply }) => (reply.status === 0 ? { ...reply, body } : reply)) };
  }),
});
