import { Buffer } from 'node:buffer';
import { hex, WireError, Writer } from '../bytes/index.ts';
import { answerOpening, type Channel, openingFor } from '../channel/index.ts';
import { holderOf, key, seededEntropy, vendor } from '../channel/world.testing.ts';
import type { Entropy } from '../crypto/index.ts';
import { LicensingError, Status } from '../errors/index.ts';
import type { Certificate } from '../license/index.ts';
import { type Call, decodeGrant, encodeGrant, type Grant, readCalls, readReplies, writeCall, writeReply } from './calls.ts';
import { checkGrant, signingKeyIn, trustCertificate } from './check.ts';

// An application and a key as they are at the two ends of a network that does what it likes: the real channel, calls and checks, with as
// little around them as a test can do with. They answer every message with messages; what they believe can be looked at.

const WANTED = { product: 1, feature: 42, seats: 1 };
const who = { pid: 1, start: 2, user: 'ann', host: 'survey-1', application: 'sounder' };

/** A grant as both sides name it. */
const nameOf = (nonce: Uint8Array, grant: Grant): string => `${hex(nonce)} ${hex(encodeGrant(grant))}`;

export type TestApplication = {
  /** Opens another channel and logs in there; gives what it says first. */
  open(): Uint8Array;
  /** What it says next, if anything. */
  receive(message: Uint8Array): Uint8Array | undefined;
  readonly accepted: readonly string[];
  /** Refusals with 46, for a test to see that it was attacked. */
  readonly refusals: number;
  /** What it wrote with `encrypt`, and what it got back. */
  readonly results: readonly string[];
  readonly said: readonly string[];
};

export const createTestApplication = (entropy: Entropy, known?: { document: Uint8Array; certificate: Certificate }): TestApplication => {
  const accepted: string[] = [];
  const results: string[] = [];
  const said: string[] = [];
  let refusals = 0;
  let opening = openingFor({ vendor: vendor.vendor, key: key.id }, entropy, known?.document);
  let channel: Channel | undefined;
  let certificate: Certificate | undefined;
  let nonce = entropy.bytes(16);
  let next = 1;

  const say = (of: Channel, call: Call): Uint8Array => {
    const out = new Writer();
    writeCall(out, next, call);
    next += 1;
    const bytes = out.done();
    said.push(hex(bytes));
    return of.seal(bytes);
  };
  const complete = (message: Uint8Array): Uint8Array => {
    const proven = opening.complete(message, (document) => {
      certificate = trustCertificate(document, vendor, key.id);
      return signingKeyIn(certificate);
    });
    channel = proven.channel;
    return say(channel, { kind: 'login', nonce, ...WANTED, executions: 0, dieAtExpiration: false, application: who });
  };
  const take = (of: Channel, message: Uint8Array): Uint8Array | undefined => {
    let answer: Uint8Array | undefined;
    for (const { id, status, body } of readReplies(of.open(message))) {
      if (status !== Status.OK || certificate === undefined) continue;
      if (id % 2 === 0) {
        results.push(hex(body));
        continue;
      }
      const grant = decodeGrant(body);
      checkGrant(grant, WANTED, certificate);
      accepted.push(nameOf(nonce, grant));
      answer = say(of, { kind: 'encrypt', handle: grant.handle, data: Buffer.from(`secret of ${accepted.length}`) });
    }
    return answer;
  };

  return {
    accepted,
    results,
    said,
    get refusals() {
      return refusals;
    },
    open() {
      opening = openingFor({ vendor: vendor.vendor, key: key.id }, entropy, known?.document);
      channel = undefined;
      nonce = entropy.bytes(16);
      next = 1;
      return opening.message;
    },
    receive(message) {
      try {
        return channel === undefined ? complete(message) : take(channel, message);
      } catch (error) {
        if (!(error instanceof LicensingError || error instanceof WireError)) throw error;
        if (error instanceof LicensingError && error.status !== Status.SCHAN_ERR) throw error;
        refusals += 1;
        return undefined;
      }
    },
  };
};

export type TestKey = {
  /** An LM may open as many channels as it likes; gives the number of the channel and what the key says. */
  open(opening: Uint8Array): { readonly number: number; readonly answer: Uint8Array } | undefined;
  receive(channel: number, record: Uint8Array): Uint8Array | undefined;
  readonly granted: ReadonlySet<string>;
  readonly results: ReadonlySet<string>;
  /** Calls that it ran, by channel. */
  readonly heard: readonly (readonly string[])[];
};

/** The key grants whatever it is asked for: what protects the application must not depend on what the key refuses others. */
export const createTestKey = (entropy: Entropy, certificate: Uint8Array): TestKey => {
  const channels: Channel[] = [];
  const heard: string[][] = [];
  const granted = new Set<string>();
  const results = new Set<string>();
  const holder = holderOf(key, certificate);

  const run = (call: Call): Uint8Array | undefined => {
    if (call.kind === 'login') {
      const { product, feature, seats } = call;
      const grant = { handle: granted.size + 1, session: entropy.bytes(16), token: entropy.bytes(32), product, feature, seats };
      granted.add(nameOf(call.nonce, grant));
      return encodeGrant(grant);
    }
    if (call.kind !== 'encrypt') return undefined;
    const result = Buffer.concat([Buffer.from(`sealed ${results.size} `), call.data]);
    results.add(hex(result));
    return result;
  };

  return {
    granted,
    results,
    heard,
    open(opening) {
      try {
        const { message, channel } = answerOpening(opening, holder, entropy);
        heard.push([]);
        return { number: channels.push(channel) - 1, answer: message };
      } catch (error) {
        if (error instanceof WireError || error instanceof LicensingError) return undefined;
        throw error;
      }
    },
    receive(number, record) {
      const channel = channels[number];
      if (channel === undefined) return undefined;
      try {
        const bytes = channel.open(record);
        const out = new Writer();
        heard[number]?.push(hex(bytes));
        for (const { id, call } of readCalls(bytes)) {
          const body = call === undefined ? undefined : run(call);
          writeReply(out, { id, status: body === undefined ? Status.REQ_NOT_SUPP : Status.OK, body: body ?? Buffer.alloc(0) });
        }
        return channel.seal(out.done());
      } catch (error) {
        if (error instanceof WireError || error instanceof LicensingError) return undefined;
        throw error;
      }
    },
  };
};

/** What an attacker of the network has of its own: an account at the same key, so to speak. It speaks the protocol as well as anybody. */
export const attackerEntropy = (): Entropy => seededEntropy(1_000_000);
