import { Buffer } from 'node:buffer';
import { Reader, WireError, type Writer } from '../bytes/index.ts';
import { encodeFrame, type Frame, MAX_FRAME } from './frame.ts';

// The local protocol: an application and the LM on its computer (L3, L5). docs/protocol/local.md. Nothing here is secret and nothing
// here is believed: grants and what sessions exchange travel inside records, which this layer cannot read (L7).

export const LOCAL_VERSIONS = { from: 1, to: 2 } as const;
/** The first version with *attempt*. */
export const ATTEMPT_VERSION = 2;
const MAGIC = 0x4b48; // "KH"
const MAX_SCOPE = 32 * 1024;
/** BOUNDED: bytes of a document in one update: it has to fit into a frame. */
export const MAX_UPDATE = MAX_FRAME - 9;
/** BOUNDED: candidates in one answer. */
export const MAX_CANDIDATES = 256;

export type Hello = {
  readonly from: number;
  readonly to: number;
  readonly pid: number;
  readonly start: number;
  readonly user: string;
  readonly host: string;
  readonly application: string;
};
export type Welcome = { readonly version: number; readonly guid: string; readonly hostname: string; readonly idleMs: number };
export type Find = {
  readonly request: number;
  readonly vendor: number;
  readonly vendorKey: Uint8Array;
  readonly feature: number;
  readonly scope: string;
};
/** `wanted`: bits of `ASK`; those that an LM does not know add nothing. */
export type Ask = {
  readonly request: number;
  readonly vendor: number;
  readonly vendorKey: Uint8Array;
  readonly wanted: number;
  readonly scope: string;
};
/**
 * What an answer is to hold besides what is always there. Nothing else: `newKey`, the C2V of a key that waits for its first license; `recipient`, the ID
 * of this computer.
 */
export const ASK = { sessions: 1, c2v: 2, fingerprint: 4, newKey: 8, recipient: 16 } as const;
export const transferActions = ['detach', 'network_detach', 'cancel', 'rehost'] as const;
export type TransferAction = (typeof transferActions)[number];
/** A license is to go to another computer, or back (K5). What comes is told in parts: the text of a file. */
export type Transfer = {
  readonly request: number;
  readonly vendor: number;
  readonly vendorKey: Uint8Array;
  readonly action: TransferAction;
  /** 0 = the default duration. */
  readonly seconds: number;
  /** Of a network detach. */
  readonly seats: number;
  /** Text of an ID; empty for `cancel`. */
  readonly recipient: string;
  readonly scope: string;
};
/** BOUNDED: bytes of an ID in its text form. */
const MAX_RECIPIENT = 16 * 1024;
/** Where a feature can be had. A hint: the key proves what it is when a channel to it is opened. */
export type Candidate = {
  readonly key: string;
  readonly product: number;
  readonly licenseManager: { readonly guid: string; readonly hostname: string; readonly address: string; readonly kind: string };
};
export type Found = {
  readonly request: number;
  /** 0, or why there are no candidates. */
  readonly status: number;
  readonly detail: string;
  readonly candidates: readonly Candidate[];
};

/** A part of the answer to a question; all parts together are JSON (core/format). */
export type Told = {
  readonly request: number;
  /** 0, or why nothing is told; then this is all. */
  readonly status: number;
  readonly detail: string;
  /** Another part follows. */
  readonly more: boolean;
  readonly part: Uint8Array;
};

export type ToLm =
  | ({ readonly kind: 'hello' } & Hello)
  | ({ readonly kind: 'find' } & Find)
  /** A search that is no denial where it finds nothing: the login does not end here, or there is none (W25). */
  | ({ readonly kind: 'attempt' } & Find)
  | ({ readonly kind: 'ask' } & Ask)
  | ({ readonly kind: 'transfer' } & Transfer)
  | { readonly kind: 'open'; readonly channel: number; readonly key: string; readonly lm: string; readonly opening: Uint8Array }
  | { readonly kind: 'record'; readonly channel: number; readonly record: Uint8Array }
  | { readonly kind: 'close'; readonly channel: number }
  | { readonly kind: 'update'; readonly request: number; readonly document: Uint8Array };
export type ToApplication =
  | ({ readonly kind: 'welcome' } & Welcome)
  | ({ readonly kind: 'found' } & Found)
  | ({ readonly kind: 'told' } & Told)
  | { readonly kind: 'opened'; readonly channel: number; readonly answer: Uint8Array }
  | { readonly kind: 'record'; readonly channel: number; readonly record: Uint8Array }
  /** The channel is gone; its sessions may not be: resume them in another one. */
  | { readonly kind: 'lost'; readonly channel: number; readonly status: number; readonly detail: string }
  | { readonly kind: 'updated'; readonly request: number; readonly status: number; readonly detail: string }
  /** The last frame before the LM closes the connection. */
  | { readonly kind: 'refused'; readonly status: number; readonly detail: string };

export const types = {
  hello: 1,
  welcome: 2,
  find: 3,
  found: 4,
  open: 5,
  opened: 6,
  record: 7,
  lost: 8,
  close: 9,
  refused: 10,
  update: 11,
  updated: 12,
  ask: 13,
  told: 14,
  transfer: 15,
  attempt: 16,
} as const;

/** The most frequent frame, written without detours. */
export const encodeRecord = (channel: number, record: Uint8Array): Buffer =>
  encodeFrame(types.record, (out) => out.u32(channel).bytes(record), 9 + record.length);

export const encodeToLm = (message: ToLm): Buffer => {
  switch (message.kind) {
    case 'hello':
      return encodeFrame(types.hello, (out) =>
        out
          .u16(MAGIC)
          .u8(message.from)
          .u8(message.to)
          .u32(message.pid)
          .u53(message.start)
          .text(message.user)
          .text(message.host)
          .text(message.application),
      );
    case 'find':
    case 'attempt':
      return encodeFrame(types[message.kind], (out) =>
        out.u32(message.request).u32(message.vendor).bytes(message.vendorKey).u32(message.feature).text(message.scope),
      );
    case 'ask':
      return encodeFrame(types.ask, (out) =>
        out.u32(message.request).u32(message.vendor).bytes(message.vendorKey).u8(message.wanted).text(message.scope),
      );
    case 'transfer':
      return encodeFrame(
        types.transfer,
        (out) =>
          out
            .u32(message.request)
            .u32(message.vendor)
            .bytes(message.vendorKey)
            .u8(transferActions.indexOf(message.action) + 1)
            .u32(message.seconds)
            .u16(message.seats)
            .text(message.scope)
            .block(Buffer.from(message.recipient, 'utf8')),
        256 + message.recipient.length,
      );
    case 'open':
      return encodeFrame(
        types.open,
        (out) => out.u32(message.channel).u64(BigInt(message.key)).text(message.lm).block(message.opening),
        256,
      );
    case 'record':
      return encodeRecord(message.channel, message.record);
    case 'close':
      return encodeFrame(types.close, (out) => out.u32(message.channel));
    case 'update':
      return encodeFrame(types.update, (out) => out.u32(message.request).block(message.document), 64 + message.document.length);
  }
};

const writeStatus = (out: Writer, status: number, detail: string): Writer => out.u16(status).text(detail.slice(0, 500));
const readStatus = (reader: Reader) => ({ status: reader.u16(), detail: reader.text(2_000) });
/** Where only bad news can be told: 0 would read as success to whoever hands the number on. */
const readFailure = (reader: Reader) => {
  const failure = readStatus(reader);
  if (failure.status === 0) throw new WireError('a failure with status 0');
  return failure;
};

export const encodeToApplication = (message: ToApplication): Buffer => {
  switch (message.kind) {
    case 'welcome':
      return encodeFrame(types.welcome, (out) => out.u8(message.version).text(message.guid).text(message.hostname).u32(message.idleMs));
    case 'found':
      return encodeFrame(types.found, (out) => {
        writeStatus(out.u32(message.request), message.status, message.detail).u16(message.candidates.length);
        for (const { key, product, licenseManager: lm } of message.candidates) {
          out.u64(BigInt(key)).u32(product).text(lm.guid).text(lm.hostname).text(lm.address).text(lm.kind);
        }
      });
    case 'told':
      return encodeFrame(
        types.told,
        (out) =>
          writeStatus(out.u32(message.request), message.status, message.detail)
            .u8(message.more ? 1 : 0)
            .block(message.part),
        600 + message.part.length,
      );
    case 'opened':
      return encodeFrame(types.opened, (out) => out.u32(message.channel).block(message.answer), 64 + message.answer.length);
    case 'record':
      return encodeRecord(message.channel, message.record);
    case 'lost':
      return encodeFrame(types.lost, (out) => writeStatus(out.u32(message.channel), message.status, message.detail));
    case 'updated':
      return encodeFrame(types.updated, (out) => writeStatus(out.u32(message.request), message.status, message.detail));
    case 'refused':
      return encodeFrame(types.refused, (out) => writeStatus(out, message.status, message.detail));
  }
};

/**
 * The versions in a hello, of whatever version it is: its first four bytes stay what they are. The rest is only read where one of them is ours (T6).
 * @throws WireError where it is no hello
 */
export const versionsIn = ({ type, body }: Frame): { readonly from: number; readonly to: number } => {
  const reader = new Reader(body);
  if (type !== types.hello) throw new WireError('a connection that does not begin with a hello');
  if (reader.u16() !== MAGIC) throw new WireError('a hello without the mark of this protocol');
  return { from: reader.u8(), to: reader.u8() };
};

/** @throws WireError where the frame is not one of the protocol or has not its form. */
export const decodeToLm = (frame: Frame): ToLm => {
  const reader = new Reader(frame.body);
  const message = readToLm(frame.type, reader);
  reader.end();
  return message;
};

const readToLm = (type: number, reader: Reader): ToLm => {
  switch (type) {
    case types.record:
      return { kind: 'record', channel: reader.u32(), record: reader.rest() };
    case types.hello:
      if (reader.u16() !== MAGIC) throw new WireError('a hello without the mark of this protocol');
      return {
        kind: 'hello',
        from: reader.u8(),
        to: reader.u8(),
        pid: reader.u32(),
        start: reader.u53(),
        user: reader.text(255),
        host: reader.text(255),
        application: reader.text(255),
      };
    case types.find:
    case types.attempt:
      return {
        kind: type === types.find ? 'find' : 'attempt',
        request: reader.u32(),
        vendor: reader.u32(),
        vendorKey: reader.bytes(32),
        feature: reader.u32(),
        scope: reader.text(MAX_SCOPE),
      };
    case types.ask:
      return {
        kind: 'ask',
        request: reader.u32(),
        vendor: reader.u32(),
        vendorKey: reader.bytes(32),
        wanted: reader.u8(),
        scope: reader.text(MAX_SCOPE),
      };
    case types.transfer: {
      const [request, vendor, vendorKey] = [reader.u32(), reader.u32(), reader.bytes(32)];
      const action = transferActions[reader.u8() - 1];
      if (action === undefined) throw new WireError('an unknown transfer');
      const [seconds, seats, scope] = [reader.u32(), reader.u16(), reader.text(MAX_SCOPE)];
      return { kind: 'transfer', request, vendor, vendorKey, action, seconds, seats, scope, recipient: reader.longText(MAX_RECIPIENT) };
    }
    case types.open:
      return { kind: 'open', channel: reader.u32(), key: reader.u64().toString(), lm: reader.text(64), opening: reader.block(512) };
    case types.close:
      return { kind: 'close', channel: reader.u32() };
    case types.update:
      return { kind: 'update', request: reader.u32(), document: reader.block(MAX_UPDATE) };
    default:
      throw new WireError(`a frame of type ${type}`);
  }
};

/** @throws WireError likewise. */
export const decodeToApplication = (frame: Frame): ToApplication => {
  const reader = new Reader(frame.body);
  const message = readToApplication(frame.type, reader);
  reader.end();
  return message;
};

const readToApplication = (type: number, reader: Reader): ToApplication => {
  switch (type) {
    case types.record:
      return { kind: 'record', channel: reader.u32(), record: reader.rest() };
    case types.welcome:
      return { kind: 'welcome', version: reader.u8(), guid: reader.text(64), hostname: reader.text(255), idleMs: reader.u32() };
    case types.found: {
      const [request, { status, detail }] = [reader.u32(), readStatus(reader)];
      const count = reader.u16();
      if (count > MAX_CANDIDATES) throw new WireError(`${count} candidates`);
      return { kind: 'found', request, status, detail, candidates: Array.from({ length: count }, () => readCandidate(reader)) };
    }
    case types.told: {
      const [request, { status, detail }, more] = [reader.u32(), readStatus(reader), reader.u8()];
      if (more > 1) throw new WireError('more that is neither 0 nor 1');
      return { kind: 'told', request, status, detail, more: more === 1, part: reader.block(MAX_FRAME) };
    }
    case types.opened:
      return { kind: 'opened', channel: reader.u32(), answer: reader.block(MAX_FRAME) };
    case types.lost:
      return { kind: 'lost', channel: reader.u32(), ...readFailure(reader) };
    case types.updated:
      return { kind: 'updated', request: reader.u32(), ...readStatus(reader) };
    case types.refused:
      return { kind: 'refused', ...readFailure(reader) };
    default:
      throw new WireError(`a frame of type ${type}`);
  }
};

const readCandidate = (reader: Reader): Candidate => ({
  key: reader.u64().toString(),
  product: reader.u32(),
  licenseManager: { guid: reader.text(64), hostname: reader.text(255), address: reader.text(100), kind: reader.text(16) },
});
