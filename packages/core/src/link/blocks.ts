import { Buffer } from 'node:buffer';
import { Reader, WireError, Writer } from '../bytes/index.ts';
import { appendFrame, type Frame, FrameDecoder, MAX_FRAME } from '../wire/index.ts';
import { codeOfBack, readTestBack, readTestedBack, type TestBack, type TestedBack, writeTestBack, writeTestedBack } from './back-blocks.ts';
import { codeOfFile, type FileAnswer, type FileQuestion, readFile, readFileQuestion, writeFile, writeFileQuestion } from './file-blocks.ts';
import { codeOfOpenFor, type OpenFor, readOpenFor, writeOpenFor } from './open-for.ts';
import {
  type AskSessions,
  codeOfSession,
  type EndBlock,
  readAskSessions,
  readSession,
  type SessionBlock,
  writeAskSessions,
  writeSession,
} from './session-blocks.ts';

// What two linked LMs say to each other, as blocks inside a body. The calling LM speaks for applications on its computer, the
// answering LM for its keys. docs/protocol/link.md K9 to K14.

export type Block =
  /** Caller: an application opens a channel to a key; nothing is said of its process. */
  | { readonly kind: 'open'; readonly channel: number; readonly key: string; readonly opening: Uint8Array }
  | OpenFor
  | TestBack
  | TestedBack
  | { readonly kind: 'opened'; readonly channel: number; readonly answer: Uint8Array }
  | { readonly kind: 'record'; readonly channel: number; readonly record: Uint8Array }
  | { readonly kind: 'lost'; readonly channel: number; readonly status: number; readonly detail: string }
  | { readonly kind: 'close'; readonly channel: number }
  /** Answerer: this session now runs in this channel, so the caller answers for it. */
  | { readonly kind: 'attached'; readonly channel: number; readonly session: Uint8Array }
  /** Answerer: this session has ended. */
  | { readonly kind: 'detached'; readonly session: Uint8Array }
  /** Caller: the application of this session has ended. */
  | { readonly kind: 'release'; readonly session: Uint8Array }
  /** Caller: all my sessions go on. `digest` is the XOR of their ids, so that both sides see whether they mean the same ones (R8). */
  | { readonly kind: 'renew'; readonly count: number; readonly digest: Uint8Array }
  | { readonly kind: 'renewed'; readonly agreed: boolean }
  /** Caller, after a disagreement: exactly these sessions go on. */
  | { readonly kind: 'renewing'; readonly sessions: readonly Uint8Array[] }
  /** Answerer: of these I know nothing (any more). */
  | { readonly kind: 'gone'; readonly sessions: readonly Uint8Array[] }
  /** Caller: what keys are there? `version` is that of the catalog known; 0 = none. */
  | { readonly kind: 'ask catalog'; readonly version: number }
  /** Answerer: the last or only part; empty where the version is the one known. */
  | { readonly kind: 'catalog'; readonly version: number; readonly json: string }
  /** Answerer: keys that do not fit into the last part; parts of one version come one after another. */
  | { readonly kind: 'catalog part'; readonly version: number; readonly json: string }
  /**
   * Caller, from version 2: what is different since `version` of the catalog (0 = everything)? `fresh`: seats in use count as differences, too.
   * `hears`: it listens for notifications by UDP at the address that it calls from, and wants those of changes (R6).
   */
  | { readonly kind: 'ask changes'; readonly version: number; readonly fresh: boolean; readonly hears: boolean }
  /**
   * Answerer: what has come or changed since, as a list of keys, and which keys are gone; `since` 0 = this is everything there is. `more`: parts of the
   * same two versions follow.
   */
  | {
      readonly kind: 'changes';
      readonly since: number;
      readonly version: number;
      readonly more: boolean;
      readonly removed: readonly string[];
      readonly json: string;
    }
  /** Answerer: there is more to come; ask again at once. */
  | { readonly kind: 'more' }
  /** Answerer: there may be something to say later; keep a listening request open. */
  | { readonly kind: 'listen' }
  /** Caller, for a person who looks for what blocks the network (R10, K20): `number` is a cookie of discovery, or of 'size' the bytes to answer with. */
  | { readonly kind: 'probe'; readonly what: Probing; readonly number: number; readonly padding: Uint8Array }
  /** Answerer: whether it was so. */
  | { readonly kind: 'probed'; readonly what: Probing; readonly number: number; readonly yes: boolean; readonly padding: Uint8Array }
  /** Caller, from version 3: lend to me, or take back what I was lent (K5, K26). */
  | FileQuestion
  /** Answerer: the file as far as it fits into one block, with `more` where parts follow; a refusal has a status other than 0, and no bytes. */
  | FileAnswer
  /** From version 4 (K31 to K33). */
  | SessionBlock
  | AskSessions
  | EndBlock;

/** 'call': send me one datagram; 'heard': did you hear my question; 'size': do packets of this size pass. */
export type Probing = (typeof probings)[number];
const probings = ['call', 'heard', 'size'] as const;
/** BOUNDED: bytes of padding of one probe, either way. */
export const MAX_PADDING = 8_192;

/** Bits of the wishes of *ask changes*. */
const FRESH = 1;
const HEARS = 2;
/** BOUNDED: keys that one block says are gone. */
export const MAX_REMOVED = 4_096;
const codes = {
  open: 5,
  opened: 6,
  record: 7,
  lost: 8,
  close: 9,
  attached: 20,
  detached: 21,
  release: 22,
  renew: 23,
  renewed: 24,
  renewing: 25,
  gone: 26,
  'ask catalog': 27,
  catalog: 28,
  more: 29,
  'catalog part': 30,
  listen: 31,
  probe: 32,
  probed: 33,
  'ask changes': 34,
  changes: 35,
  ...codeOfFile,
  ...codeOfSession,
  ...codeOfOpenFor,
  ...codeOfBack,
} as const satisfies Record<Block['kind'], number>;

const writeIds = (out: Writer, ids: readonly Uint8Array[]): void => {
  out.u32(ids.length);
  for (const id of ids) out.bytes(id);
};
const readIds = (reader: Reader): Buffer[] => {
  const count = reader.u32();
  if (count * 16 !== reader.remaining) throw new WireError('a list of sessions of another length');
  return Array.from({ length: count }, () => reader.bytes(16));
};
const readKeys = (reader: Reader): string[] => {
  const count = reader.u32();
  if (count > MAX_REMOVED) throw new WireError('more keys gone than one block may name');
  return Array.from({ length: count }, () => reader.u64().toString());
};
const readWishes = (reader: Reader): { readonly fresh: boolean; readonly hears: boolean } => {
  const wishes = reader.u8();
  if (wishes > (FRESH | HEARS)) throw new WireError('an unknown wish');
  return { fresh: (wishes & FRESH) !== 0, hears: (wishes & HEARS) !== 0 };
};
const readFlag = (reader: Reader): boolean => {
  const flag = reader.u8();
  if (flag > 1) throw new WireError('neither yes nor no');
  return flag === 1;
};
const readProbing = (reader: Reader): Probing => {
  const what = probings[reader.u8() - 1];
  if (what === undefined) throw new WireError('an unknown probe');
  return what;
};
const readFailure = (reader: Reader): number => {
  const status = reader.u16();
  if (status === 0) throw new WireError('a failure with status 0');
  return status;
};

export const appendBlock = (out: Writer, block: Block): void =>
  appendFrame(out, codes[block.kind], () => {
    switch (block.kind) {
      case 'open':
        return out.u32(block.channel).u64(BigInt(block.key)).block(block.opening);
      case 'opened':
        return out.u32(block.channel).block(block.answer);
      case 'record':
        return out.u32(block.channel).bytes(block.record);
      case 'lost':
        return out.u32(block.channel).u16(block.status).text(block.detail.slice(0, 500));
      case 'close':
        return out.u32(block.channel);
      case 'attached':
        return out.u32(block.channel).bytes(block.session);
      case 'detached':
      case 'release':
      case 'end':
        return out.bytes(block.session);
      case 'renew':
        return out.u32(block.count).bytes(block.digest);
      case 'renewed':
        return out.u8(block.agreed ? 1 : 0);
      case 'renewing':
      case 'gone':
        return writeIds(out, block.sessions);
      case 'ask catalog':
        return out.u53(block.version);
      case 'catalog':
      case 'catalog part':
        return out.u53(block.version).block(Buffer.from(block.json, 'utf8'));
      case 'more':
      case 'listen':
        return out;
      case 'probe':
        return out
          .u8(probings.indexOf(block.what) + 1)
          .u32(block.number)
          .block(block.padding);
      case 'probed':
        return out
          .u8(probings.indexOf(block.what) + 1)
          .u32(block.number)
          .u8(block.yes ? 1 : 0)
          .block(block.padding);
      case 'ask changes':
        return out.u53(block.version).u8((block.fresh ? FRESH : 0) | (block.hears ? HEARS : 0));
      case 'changes':
        out
          .u53(block.since)
          .u53(block.version)
          .u8(block.more ? 1 : 0)
          .u32(block.removed.length);
        for (const key of block.removed) out.u64(BigInt(key));
        return out.block(Buffer.from(block.json, 'utf8'));
      case 'ask file':
        return writeFileQuestion(out, block);
      case 'file':
        return writeFile(out, block);
      case 'session':
        return writeSession(out, block);
      case 'ask sessions':
        return writeAskSessions(out, block);
      case 'open for':
        return writeOpenFor(out, block);
      case 'test back':
        return writeTestBack(out, block);
      case 'tested back':
        return writeTestedBack(out, block);
    }
  });

export const encodeBlocks = (blocks: readonly Block[]): Buffer => {
  const out = new Writer(512);
  for (const block of blocks) appendBlock(out, block);
  return out.done();
};

const readBlock = ({ type, body }: Frame): Block => {
  const reader = new Reader(body);
  const read = (): Block => {
    switch (type) {
      case codes.open:
        return { kind: 'open', channel: reader.u32(), key: reader.u64().toString(), opening: reader.block(512) };
      case codes.opened:
        return { kind: 'opened', channel: reader.u32(), answer: reader.block(MAX_FRAME) };
      case codes.record:
        return { kind: 'record', channel: reader.u32(), record: reader.rest() };
      case codes.lost:
        return { kind: 'lost', channel: reader.u32(), status: readFailure(reader), detail: reader.text(2_000) };
      case codes.close:
        return { kind: 'close', channel: reader.u32() };
      case codes.attached:
        return { kind: 'attached', channel: reader.u32(), session: reader.bytes(16) };
      case codes.detached:
        return { kind: 'detached', session: reader.bytes(16) };
      case codes.release:
        return { kind: 'release', session: reader.bytes(16) };
      case codes.renew:
        return { kind: 'renew', count: reader.u32(), digest: reader.bytes(16) };
      case codes.renewed:
        return { kind: 'renewed', agreed: readFlag(reader) };
      case codes.renewing:
        return { kind: 'renewing', sessions: readIds(reader) };
      case codes.gone:
        return { kind: 'gone', sessions: readIds(reader) };
      case codes['ask catalog']:
        return { kind: 'ask catalog', version: reader.u53() };
      case codes.catalog:
        return { kind: 'catalog', version: reader.u53(), json: reader.longText(MAX_FRAME) };
      case codes['catalog part']:
        return { kind: 'catalog part', version: reader.u53(), json: reader.longText(MAX_FRAME) };
      case codes.more:
        return { kind: 'more' };
      case codes.listen:
        return { kind: 'listen' };
      case codes.probe:
        return { kind: 'probe', what: readProbing(reader), number: reader.u32(), padding: reader.block(MAX_PADDING) };
      case codes.probed:
        return {
          kind: 'probed',
          what: readProbing(reader),
          number: reader.u32(),
          yes: readFlag(reader),
          padding: reader.block(MAX_PADDING),
        };
      case codes['ask changes']:
        return { kind: 'ask changes', version: reader.u53(), ...readWishes(reader) };
      case codes.changes:
        return {
          kind: 'changes',
          since: reader.u53(),
          version: reader.u53(),
          more: readFlag(reader),
          removed: readKeys(reader),
          json: reader.longText(MAX_FRAME),
        };
      case codes['ask file']:
        return readFileQuestion(reader);
      case codes.file:
        return readFile(reader);
      case codes.session:
        return readSession(reader);
      case codes['ask sessions']:
        return readAskSessions(reader);
      case codes.end:
        return { kind: 'end', session: reader.bytes(16) };
      case codes['open for']:
        return readOpenFor(reader);
      case codes['test back']:
        return readTestBack(reader);
      case codes['tested back']:
        return readTestedBack(reader);
      default:
        throw new WireError(`a block of type ${type}`);
    }
  };
  const block = read();
  reader.end();
  return block;
};

/** @throws WireError */
export const decodeBlocks = (bytes: Uint8Array): Block[] => {
  const decoder = new FrameDecoder(MAX_FRAME);
  const frames = decoder.push(bytes);
  if (decoder.pending > 0) throw new WireError('a body that ends inside a block');
  return frames.map(readBlock);
};
