import { Reader, WireError, Writer } from '../bytes/index.ts';
import { GUID_BYTES, guidText, parseGuid } from './guid.ts';

// The datagrams of docs/protocol/discovery.md, byte by byte. A datagram that is not exactly one of them is nothing: it is not
// guessed at, not answered, and not an error (R5, S6). What a datagram says is a hint; who says it is proven on TCP.

/** Every ask and answer has this size, and so have the notifications of starting and stopping (D1). */
export const DATAGRAM_BYTES = 40;
/** No datagram is larger; it passes every link without fragments (D2). */
export const DATAGRAM_LIMIT = 1_200;
export const ENTRY_BYTES = 13;
/** As many entries as fit into one datagram behind their count: 89. */
export const ENTRIES_LIMIT = Math.floor((DATAGRAM_LIMIT - DATAGRAM_BYTES - 1) / ENTRY_BYTES);
const VERSION = 1;

const kinds = ['ask', 'answer', 'started', 'stopping', 'changed', 'search'] as const;
const whats = ['added', 'removed', 'changed'] as const;

type Sender = { readonly guid: string; readonly tcpPort: number; readonly bootCount: number };
/** What happened to one key; `version` is that of the key in the sender's catalog. */
export type Entry = { readonly what: (typeof whats)[number]; readonly keyId: bigint; readonly version: number };

/** `search` asks all that hear it: in a large crowd only those with keys answer, and a few of the others (D18). */
export type Ask = Sender & { readonly kind: 'ask' | 'search'; readonly cookie: number };
export type Answer = Sender & { readonly kind: 'answer'; readonly cookie: number };
/** `changed` without entries means: too much to list, ask for everything (D14). */
export type Notification =
  | (Sender & { readonly kind: 'started' | 'stopping'; readonly sequence: number })
  | (Sender & { readonly kind: 'changed'; readonly sequence: number; readonly entries: readonly Entry[] });
export type Datagram = Ask | Answer | Notification;

const isAsk = (kind: Datagram['kind']): boolean => kind === 'ask' || kind === 'search';
const code = <T>(table: readonly T[], value: T): number => table.indexOf(value) + 1;

/** Throws RangeError for what no datagram can carry: the caller's mistake, never a stranger's. */
export const encodeDatagram = (datagram: Datagram): Uint8Array => {
  const guid = parseGuid(datagram.guid);
  if (guid === undefined) throw new RangeError(`${datagram.guid} is not a GUID`);
  if (datagram.tcpPort === 0 && !isAsk(datagram.kind)) throw new RangeError(`${datagram.kind} needs a TCP port`);
  const writer = new Writer(datagram.kind === 'changed' ? DATAGRAM_LIMIT : DATAGRAM_BYTES)
    .u8(code(kinds, datagram.kind))
    .u8(VERSION)
    .u16(datagram.tcpPort)
    .u16(datagram.bootCount)
    .bytes(guid)
    .u32('cookie' in datagram ? datagram.cookie : datagram.sequence);
  if (datagram.kind === 'changed') {
    if (datagram.entries.length > ENTRIES_LIMIT) throw new RangeError(`over ${ENTRIES_LIMIT} entries in one datagram`);
    writer.u8(datagram.entries.length);
    for (const { what, keyId, version } of datagram.entries) writer.u8(code(whats, what)).u64(keyId).u32(version);
  }
  return writer.done();
};

/** The datagram in these bytes, or undefined. Never throws, whatever the bytes. */
export const decodeDatagram = (bytes: Uint8Array): Datagram | undefined => {
  if (bytes.length < DATAGRAM_BYTES || bytes.length > DATAGRAM_LIMIT) return undefined;
  try {
    return read(new Reader(bytes));
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
};

const read = (reader: Reader): Datagram | undefined => {
  const kind = kinds[reader.u8() - 1];
  if (kind === undefined || reader.u8() !== VERSION) return undefined;
  const tcpPort = reader.u16();
  // Only an asker may be without a TCP port: an LM that serves nobody (R2). D4.
  if (tcpPort === 0 && !isAsk(kind)) return undefined;
  const bootCount = reader.u16();
  const sender: Sender = { guid: guidText(reader.bytes(GUID_BYTES)), tcpPort, bootCount };
  const number = reader.u32();
  const entries = kind === 'changed' ? readEntries(reader) : [];
  reader.end();
  switch (kind) {
    case 'ask':
    case 'search':
    case 'answer':
      return { kind, ...sender, cookie: number };
    case 'started':
    case 'stopping':
      return { kind, ...sender, sequence: number };
    case 'changed':
      return { kind, ...sender, sequence: number, entries };
  }
};

const readEntries = (reader: Reader): Entry[] => {
  return Array.from({ length: reader.u8() }, () => {
    const what = whats[reader.u8() - 1];
    if (what === undefined) throw new WireError('an unknown kind of change');
    return { what, keyId: reader.u64(), version: reader.u32() };
  });
};
