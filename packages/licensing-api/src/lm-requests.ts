import { Buffer } from 'node:buffer';
import { LicensingError, Status, statusOf } from '@keyhaven/core/errors';
import {
  type Ask,
  ATTEMPT_VERSION,
  type Find,
  type Found,
  MAX_UPDATE,
  type ToApplication,
  type ToLm,
  type Transfer,
} from '@keyhaven/core/wire';
import type { Limit } from './limits.ts';

// What is asked of a license manager outside of channels: each request has a number, and its reply names it. A request is given up when its limit is over, with
// LOCAL_COMM_ERR (33); the reply of one that was given up is dropped when it comes.

export type LmRequests = {
  /** `denial`: `never` where finding nothing is not the end of a login (W25). A license manager that does not know that counts it. */
  find(question: Omit<Find, 'request'>, limit: Limit, denial?: 'never'): Promise<FoundBy>;
  update(document: Uint8Array, limit: Limit): Promise<string>;
  /** The reply, which is JSON. */
  ask(question: Omit<Ask, 'request'>, limit: Limit): Promise<string>;
  transfer(wish: Omit<Transfer, 'request'>, limit: Limit): Promise<string>;
};

/** `counted`: it is a denial where nothing was found. */
export type FoundBy = Found & { readonly counted: boolean };

type Replied = Extract<ToApplication, { kind: 'found' | 'updated' | 'told' }>;
type Reply<K extends Replied['kind']> = Extract<Replied, { kind: K }>;

export type RequestsOptions = {
  say(message: ToLm): void;
  nextNumber(): number;
  /** The version that is spoken, once the license manager has said it; at once where it makes no difference. */
  readonly version: Promise<number>;
  /** The error of what is given up. */
  silence(limit: Limit): LicensingError;
  /** Why the connection has ended; undefined while it has not. */
  ended(): LicensingError | undefined;
  /** Ends the connection. */
  end(detail: string): void;
};

/** BOUNDED: bytes of a reply in parts. */
const MAX_REPLY = 64 * 1024 * 1024;
/** What a part counts besides its bytes, so that empty ones are not without end. */
const PART_COST = 64;
/** BOUNDED: requests that were given up, and that a license manager which was only stopped answers later. */
const MAX_GIVEN_UP = 64;

type Waiting = { replied(message: Replied): void; fail(error: LicensingError): void };

const refused = ({ status, detail }: { readonly status: number; readonly detail: string }): LicensingError =>
  new LicensingError(statusOf(status) ?? Status.INT_ERR, { detail });

export const createRequests = (options: RequestsOptions) => {
  const { say, silence } = options;
  const waiting = new Map<number, Waiting>(); // BOUNDED by requests under way
  const givenUp = new Set<number>(); // BOUNDED by MAX_GIVEN_UP

  const send = <T>(limit: Limit, question: (request: number) => ToLm, take: (message: Replied, settle: (value: T) => void) => void) =>
    new Promise<T>((settle, fail) => {
      const ended = options.ended();
      if (ended !== undefined) return fail(ended);
      if (givenUp.size >= MAX_GIVEN_UP) return fail(silence(limit));
      const request = options.nextNumber();
      waiting.set(request, { replied: (message) => take(message, settle), fail });
      limit.whenOver(() => {
        if (waiting.delete(request)) givenUp.add(request);
        fail(silence(limit));
      });
      say(question(request));
    });

  /** A reply that comes in parts. */
  const gather = async (limit: Limit, question: (request: number) => ToLm): Promise<string> => {
    const parts: Uint8Array[] = []; // BOUNDED by MAX_REPLY
    let size = 0;
    const last = await send<Reply<'told'>>(limit, question, (message, settle) => {
      if (message.kind !== 'told') return;
      size += message.part.length + PART_COST;
      if (size > MAX_REPLY) return options.end('The license manager does not stop talking.');
      // A copy: the message is a view on what the socket read.
      parts.push(new Uint8Array(message.part));
      if (!message.more) settle(message);
    });
    if (last.status !== Status.OK) throw refused(last);
    return Buffer.concat(parts).toString('utf8');
  };

  const requests: LmRequests = {
    async find(question, limit, denial) {
      const counted = denial === undefined || (await limit.until(options.version, () => silence(limit))) < ATTEMPT_VERSION;
      const found = await send<Reply<'found'>>(
        limit,
        (request) => ({ kind: counted ? 'find' : 'attempt', request, ...question }),
        (message, settle) => {
          if (message.kind === 'found') settle(message);
        },
      );
      return { ...found, counted };
    },
    async update(document, limit) {
      if (document.length > MAX_UPDATE) {
        throw new LicensingError(Status.INVALID_PARAMETER, {
          detail: 'The document is larger than a mebibyte.',
          remedy: 'Apply it with keyhaven apply.',
        });
      }
      const reply = await send<Reply<'updated'>>(
        limit,
        (request) => ({ kind: 'update', request, document }),
        (message, settle) => {
          if (message.kind === 'updated') settle(message);
        },
      );
      if (reply.status !== Status.OK) throw refused(reply);
      return reply.detail;
    },
    ask: (question, limit) => gather(limit, (request) => ({ kind: 'ask', request, ...question })),
    transfer: (wish, limit) => gather(limit, (request) => ({ kind: 'transfer', request, ...wish })),
  };
  return {
    ...requests,
    take(message: Replied): void {
      waiting.get(message.request)?.replied(message);
      if (message.kind === 'told' && message.more) return;
      waiting.delete(message.request);
      givenUp.delete(message.request);
    },
    /** The connection has ended. */
    fail(error: LicensingError): void {
      for (const each of waiting.values()) each.fail(error);
      waiting.clear();
    },
  };
};
