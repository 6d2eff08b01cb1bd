import { Buffer } from 'node:buffer';
import { hex } from '@keyhaven/core/bytes';
import { LicensingError } from '@keyhaven/core/errors';
import type { Licensing, LoginOptions } from '@keyhaven/licensing-api/licensing';

// What an application does in a recorded conversation, as data, so that an old recording says by itself what its application wants. The
// results are what a program sees of them: plain data, failures by their status.

type Session = Awaited<ReturnType<Licensing['login']>>;
type Transfer = Parameters<Licensing['transfer']>[0];

export type Step = { readonly result?: unknown } & (
  | {
      readonly do: 'login';
      readonly as: string;
      readonly with: Omit<LoginOptions, 'vendorCode' | 'signal' | 'onWaiting'>;
      readonly later?: true;
    }
  /** The result of a login that was begun with `later`, and the places in line that it was told. */
  | { readonly do: 'await'; readonly as: string }
  | { readonly do: 'encrypt'; readonly on: string; readonly bytes: string; readonly as?: string }
  | { readonly do: 'decrypt'; readonly on: string; readonly what: string }
  | { readonly do: 'read'; readonly on: string; readonly file: number; readonly offset: number; readonly length: number }
  | { readonly do: 'write'; readonly on: string; readonly file: number; readonly offset: number; readonly bytes: string }
  | { readonly do: 'size'; readonly on: string; readonly file: number }
  | { readonly do: 'consume'; readonly on: string; readonly executions: number }
  | { readonly do: 'info' | 'clock' | 'logout'; readonly on: string }
  | { readonly do: 'find'; readonly with: { readonly feature?: number; readonly scope?: string } }
  | { readonly do: 'information'; readonly with: { readonly scope?: string; readonly format?: string } }
  | { readonly do: 'update'; readonly document: string }
  | { readonly do: 'transfer'; readonly with: Omit<Transfer, 'vendorCode'> }
  | { readonly do: 'recipient' }
  /** Nothing, for so long. */
  | { readonly do: 'pass'; readonly milliseconds: number }
  /** The connection to the LM breaks. */
  | { readonly do: 'cut' }
  /** The process is gone. */
  | { readonly do: 'end' }
);

export type Actor = {
  readonly licensing: Licensing;
  readonly vendorCode: string;
  pass(milliseconds: number): Promise<void>;
  /** Lets time go on until it is settled. */
  settle<T>(work: Promise<T>): Promise<T>;
  cut(): void;
  end(): void;
};

const plain = (value: unknown): unknown => {
  if (value instanceof Uint8Array) return hex(value);
  if (value instanceof Date) return value.toISOString();
  if (Array.isArray(value)) return value.map(plain);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([name, each]) => [name, plain(each)]));
};
const ofSession = ({ id, key, product, feature, license, licenseManager }: Session): unknown =>
  plain({ id, key, product, feature, license, licenseManager });
const failure = (error: unknown): unknown => {
  if (error instanceof LicensingError) return { status: error.status };
  throw error;
};

/** Does it all and gives each step with its result, whatever result it had before. */
export const play = async (script: readonly Step[], actor: Actor): Promise<Step[]> => {
  const { licensing, vendorCode } = actor;
  const sessions = new Map<string, Session>(); // BOUNDED by one script
  const begun = new Map<string, { readonly work: Promise<Session>; readonly places: number[] }>(); // BOUNDED likewise
  const sealed = new Map<string, Uint8Array>(); // BOUNDED likewise
  const on = (name: string): Session => {
    const session = sessions.get(name);
    if (session === undefined) throw new Error(`there is no session ${name}`);
    return session;
  };
  const kept = async (name: string, work: Promise<Session>): Promise<unknown> => {
    const session = await actor.settle(work);
    sessions.set(name, session);
    return ofSession(session);
  };

  const act = async (step: Step): Promise<unknown> => {
    switch (step.do) {
      case 'login': {
        const places: number[] = [];
        const work = licensing.login({ ...step.with, vendorCode, onWaiting: (place) => void places.push(place) });
        if (step.later !== true) return kept(step.as, work);
        work.catch(() => undefined);
        begun.set(step.as, { work, places });
        return 'begun';
      }
      case 'await': {
        const { work, places } = begun.get(step.as) ?? { work: Promise.reject(new Error(`nobody began ${step.as}`)), places: [] };
        return { session: await kept(step.as, work), places };
      }
      case 'encrypt': {
        const made = await actor.settle(on(step.on).encrypt(Buffer.from(step.bytes, 'hex')));
        if (step.as !== undefined) sealed.set(step.as, made);
        return made;
      }
      case 'decrypt':
        return actor.settle(on(step.on).decrypt(sealed.get(step.what) ?? Buffer.alloc(0)));
      case 'read':
        return actor.settle(on(step.on).read({ file: step.file, offset: step.offset, length: step.length }));
      case 'write':
        return actor.settle(on(step.on).write({ file: step.file, offset: step.offset, data: Buffer.from(step.bytes, 'hex') }));
      case 'size':
        return actor.settle(on(step.on).size(step.file));
      case 'consume':
        return actor.settle(on(step.on).consume(step.executions));
      case 'info':
        return actor.settle(on(step.on).info());
      case 'clock':
        return actor.settle(on(step.on).clock());
      case 'logout':
        return actor.settle(on(step.on).logout());
      case 'find':
        return actor.settle(licensing.find({ ...step.with, vendorCode }));
      case 'information': {
        const { format, ...question } = step.with;
        const work: Promise<unknown> =
          format === undefined
            ? licensing.information({ ...question, vendorCode })
            : licensing.information({ ...question, vendorCode, format });
        return actor.settle(work);
      }
      case 'update':
        return actor.settle(licensing.update(step.document)).then(({ ack }) => ({ applied: true, ack }));
      case 'transfer':
        return actor.settle(licensing.transfer({ ...step.with, vendorCode }));
      case 'recipient':
        return actor.settle(licensing.recipient({ vendorCode }));
      case 'pass':
        return actor.pass(step.milliseconds);
      case 'cut':
        return actor.cut();
      case 'end':
        return actor.end();
    }
  };

  const done: Step[] = [];
  for (const step of script) {
    const { result: _, ...wish } = step;
    const result = plain(await act(step).catch(failure)) ?? null;
    done.push({ ...wish, result });
  }
  return done;
};
