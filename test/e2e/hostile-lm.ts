import { appendFileSync, readFileSync } from 'node:fs';
import { connect, createServer, type Socket } from 'node:net';
import {
  decodeToApplication,
  decodeToLm,
  encodeToApplication,
  encodeToLm,
  FrameDecoder,
  type ToApplication,
  type ToLm,
} from '@keyhaven/core/wire';
import { createForger, type Forger, type ForgerOptions } from './forger.ts';

// A hostile LM on the computer of the application, as a process of its own: `node hostile-lm.ts JSON` prints `port N` and stands between
// what connects there and the LM on port 1947, or in its place. It can do all that whoever owns a computer can do to the connection; it
// does not have the key. Prints `lost STATUS` for each channel that the true LM ended, and `attacked` when it has done its deed.

export type Attack =
  /** Passes everything on, and writes what went to the application into a file. */
  | { readonly kind: 'record'; readonly file: string }
  | { readonly kind: 'other feature in the question'; readonly feature: number }
  | { readonly kind: 'other key in the answer'; readonly key: string }
  | { readonly kind: 'other key in the opening frame'; readonly key: string }
  /** Flips one bit of a byte in the opening or the answer of one channel after another; counted from the end where negative. */
  | { readonly kind: 'bit of the opening' | 'bit of the answer'; readonly at: readonly number[] }
  /** Likewise in the records of one direction, from the nth on, from 0. */
  | { readonly kind: 'bit of a record'; readonly way: Way; readonly nth: number; readonly at: readonly number[] }
  | { readonly kind: 'record twice' | 'record left out' | 'records swapped'; readonly way: Way; readonly nth: number }
  /** In place of a record to the application, the one of a conversation recorded before. */
  | { readonly kind: 'record of yesterday'; readonly file: string; readonly nth: number }
  /** Without any LM behind it. */
  | { readonly kind: 'answers of yesterday'; readonly file: string }
  | { readonly kind: 'forgery'; readonly options: ForgerOptions };
export type Way = 'to the key' | 'to the application';

const say = (line: string): void => void process.stdout.write(`${line}\n`);

const flipped = (bytes: Uint8Array, at: number): Buffer => {
  const copy = Buffer.from(bytes);
  const index = at < 0 ? copy.length + at : at;
  copy[index] = (copy[index] ?? 0) ^ 1;
  return copy;
};

const recordedIn = (file: string): ToApplication[] => new FrameDecoder().push(readFileSync(file)).map(decodeToApplication);

/** What goes on in place of one message. Records are counted, and each deed is done once, in the life of the process. */
const createMeddler = (attack: Attack) => {
  const seen = { 'to the key': 0, 'to the application': 0 };
  let kept: ToLm | ToApplication | undefined;
  const deed = <T>(result: T): T => {
    say('attacked');
    return result;
  };
  const places = 'at' in attack ? [...attack.at] : [];
  /** With the next bit flipped; as it is when all were. */
  const meddleBytes = (bytes: Uint8Array): Uint8Array => {
    const at = places.shift();
    return at === undefined ? bytes : deed(flipped(bytes, at));
  };

  const meddleRecord = <T extends Extract<ToLm | ToApplication, { kind: 'record' }>>(message: T, way: Way): T[] => {
    const nth = seen[way]++;
    if (attack.kind === 'record of yesterday') {
      if (way !== 'to the application' || nth !== attack.nth) return [message];
      const old = recordedIn(attack.file).filter((each) => each.kind === 'record')[nth];
      return old === undefined ? [message] : deed([{ ...message, record: old.record }]);
    }
    if (!('way' in attack) || attack.way !== way) return [message];
    switch (attack.kind) {
      case 'bit of a record':
        return nth >= attack.nth ? [{ ...message, record: meddleBytes(message.record) }] : [message];
      case 'record twice':
        return nth === attack.nth ? deed([message, message]) : [message];
      case 'record left out':
        return nth === attack.nth ? deed([]) : [message];
      case 'records swapped': {
        if (nth === attack.nth) {
          kept = message;
          return [];
        }
        const first = kept as T | undefined;
        kept = undefined;
        return first === undefined ? [message] : deed([message, first]);
      }
    }
  };

  return {
    toLm(message: ToLm): ToLm[] {
      if (message.kind === 'record') return meddleRecord(message, 'to the key');
      if ((message.kind === 'find' || message.kind === 'attempt') && attack.kind === 'other feature in the question')
        return deed([{ ...message, feature: attack.feature }]);
      if (message.kind === 'open' && attack.kind === 'other key in the opening frame') return deed([{ ...message, key: attack.key }]);
      if (message.kind === 'open' && attack.kind === 'bit of the opening') return [{ ...message, opening: meddleBytes(message.opening) }];
      return [message];
    },
    toApplication(message: ToApplication): ToApplication[] {
      if (attack.kind === 'record') appendFileSync(attack.file, encodeToApplication(message));
      if (message.kind === 'lost') say(`lost ${message.status}`);
      if (message.kind === 'record') return meddleRecord(message, 'to the application');
      if (message.kind === 'found' && attack.kind === 'other key in the answer') {
        const { key } = attack;
        return deed([{ ...message, candidates: message.candidates.map((candidate) => ({ ...candidate, key })) }]);
      }
      if (message.kind === 'opened' && attack.kind === 'bit of the answer') return [{ ...message, answer: meddleBytes(message.answer) }];
      return [message];
    },
  };
};

/** Answers by itself, with what the true LM and key once said to somebody else. */
const createReplayer = (file: string): Forger => {
  const recorded = recordedIn(file);
  const counts = new Map<ToApplication['kind'], number>();
  const next = (kind: ToApplication['kind']): ToApplication | undefined => {
    const nth = counts.get(kind) ?? 0;
    counts.set(kind, nth + 1);
    return recorded.filter((each) => each.kind === kind)[nth];
  };
  return {
    answer(message) {
      const kinds = {
        hello: 'welcome',
        find: 'found',
        attempt: 'found',
        open: 'opened',
        record: 'record',
        update: 'updated',
        ask: 'told',
        transfer: 'told',
        close: undefined,
      } as const;
      const kind = kinds[message.kind];
      const old = kind === undefined ? undefined : next(kind);
      if (old === undefined) return [];
      if ('request' in old && 'request' in message) return [{ ...old, request: message.request }];
      if ('channel' in old && 'channel' in message) return [{ ...old, channel: message.channel }];
      return [old];
    },
  };
};

const stand = (near: Socket, meddler: ReturnType<typeof createMeddler>): void => {
  const far = connect(1947, '127.0.0.1');
  const [fromNear, fromFar] = [new FrameDecoder(), new FrameDecoder()];
  near.on('data', (chunk) => {
    for (const frame of fromNear.push(chunk)) for (const message of meddler.toLm(decodeToLm(frame))) far.write(encodeToLm(message));
  });
  far.on('data', (chunk) => {
    for (const frame of fromFar.push(chunk))
      for (const message of meddler.toApplication(decodeToApplication(frame))) near.write(encodeToApplication(message));
  });
  near.on('error', () => undefined).on('close', () => far.destroy());
  far.on('error', () => undefined).on('close', () => near.destroy());
};

const replace = (near: Socket, forger: Forger): void => {
  const decoder = new FrameDecoder();
  near
    .on('error', () => undefined)
    .on('data', (chunk) => {
      for (const frame of decoder.push(chunk)) {
        for (const message of forger.answer(decodeToLm(frame))) {
          if (message.kind === 'opened') say('attacked');
          near.write(encodeToApplication(message));
        }
      }
    });
};

if (import.meta.main) {
  const attack = JSON.parse(process.argv[2] ?? '') as Attack;
  const meddler = createMeddler(attack);
  const forger =
    attack.kind === 'forgery'
      ? createForger(attack.options)
      : attack.kind === 'answers of yesterday'
        ? createReplayer(attack.file)
        : undefined;
  const server = createServer((near) => (forger === undefined ? stand(near, meddler) : replace(near, forger)));
  server.listen(0, '127.0.0.1', () => {
    const address = server.address();
    say(`port ${typeof address === 'object' ? address?.port : ''}`);
  });
}
