import { Buffer } from 'node:buffer';
import { Writer } from '@keyhaven/core/bytes';
import { openingFor } from '@keyhaven/core/channel';
import { LicensingError } from '@keyhaven/core/errors';
import { openStanding } from '@keyhaven/core/license';
import { type Call, type Reply, readReplies, signingKeyIn, writeCall } from '@keyhaven/core/session';
import { createMemoryLedger, type Ledger } from '@keyhaven/ledger';
import type { Access } from '../access/index.ts';
import { createAuditWriter } from '../acts/index.ts';
import { type Key, openKeystore } from '../keystore/index.ts';
import { createTestVendor, type LicenseWish, type TestVendor } from '../keystore/vendor.testing.ts';
import { createMachineSeal, systemEntropy } from '../machine/index.ts';
import { createSimulatedClock, type SimulatedClock } from '../simulated-clock.testing.ts';
import { openAuthority, type Party } from './index.ts';

const testSeal = createMachineSeal(['id:test'], Buffer.alloc(32, 9), systemEntropy);

/** One LM without sockets: keys, authority and a ledger in memory, on a simulated clock. */
export const createSite = async (
  options: { readonly ledger?: Ledger; readonly idleTimeoutMs?: number; readonly access?: Access; readonly clock?: SimulatedClock } = {},
) => {
  const clock = options.clock ?? createSimulatedClock();
  const ledger = options.ledger ?? createMemoryLedger({ now: () => clock.wall() });
  const keystore = await openKeystore(ledger, testSeal, systemEntropy);
  const ended: string[] = [];
  const authority = await openAuthority({
    ledger,
    audit: createAuditWriter({ ledger, clock, onEvent: () => undefined }),
    keystore,
    clock,
    entropy: systemEntropy,
    ...(options.access === undefined ? {} : { access: options.access }),
    idleTimeoutMs: options.idleTimeoutMs ?? 12 * 3_600_000,
    onAttached: () => undefined,
    onAway: () => undefined,
    onEnded: (session, cause) => void ended.push(`${session.id} ${cause}`),
  });
  return {
    clock,
    ledger,
    keystore,
    authority,
    ended,
    /** A key with a license; the first one of the vendor unless it has one already. */
    async licensed(
      wish: LicenseWish,
      vendor: TestVendor = createTestVendor(),
      type: 'sl-adminmode' | 'sl-usermode' = 'sl-adminmode',
    ): Promise<Key> {
      const key = await keystore.unlicensed(type, vendor.code);
      return (await authority.apply(vendor.license(await keystore.state(key, 'here', clock.wall()), wish))).key;
    },
  };
};
export type Site = Awaited<ReturnType<typeof createSite>>;

export const localParty = (pid = 4_711, start = 1): Party => ({ holder: 'local', address: '127.0.0.1', process: { pid, start } });
export const someone = { pid: 4_711, start: 1, user: 'ada', host: 'here', application: 'survey' };

/** An application at the other end of a channel to a key. */
export const connectApplication = (site: Pick<Site, 'authority'>, key: Key, party = localParty()) => {
  const opening = openingFor({ vendor: key.identity.vendor, key: key.identity.id }, systemEntropy);
  const waiting = new Map<number, (reply: Reply) => void>();
  let failure: LicensingError | undefined;
  let records = 0;
  let largest = 0;
  const far = site.authority.open(
    key.identity.id,
    opening.message,
    party,
    (record) => {
      records += 1;
      largest = Math.max(largest, record.length);
      for (const reply of readReplies(channel.open(record))) waiting.get(reply.id)?.(reply);
    },
    (error) => {
      failure = error;
    },
  );
  const { channel } = opening.complete(far.answer, (document) => signingKeyIn(openStanding(document, key.identity.vendorKey).certificate));
  let nextId = 1;
  const raw = (plain: Uint8Array): void => far.receive(channel.seal(plain));
  const send = (...calls: Call[]): Promise<Reply[]> => {
    const out = new Writer();
    const replies = calls.map(
      (call) =>
        new Promise<Reply>((resolve) => {
          const id = nextId++;
          waiting.set(id, resolve);
          writeCall(out, id, call);
        }),
    );
    raw(out.done());
    return Promise.all(replies);
  };
  const call = async (of: Call): Promise<Reply> => {
    const [reply] = await send(of);
    if (reply === undefined) throw new Error('no reply');
    return reply;
  };
  return {
    channel: far,
    raw,
    send,
    call,
    reply: (id: number): Promise<Reply> => new Promise((resolve) => waiting.set(id, resolve)),
    get failure() {
      return failure;
    },
    get records() {
      return records;
    },
    get largest() {
      return largest;
    },
    login: (feature: number, more: Partial<Extract<Call, { kind: 'login' }>> = {}) =>
      call({
        kind: 'login',
        nonce: systemEntropy.bytes(16),
        product: feature === 0 ? 0 : 1,
        feature,
        seats: 1,
        executions: 0,
        dieAtExpiration: false,
        application: someone,
        ...more,
      }),
  };
};
export const statusOfThrown = (work: () => unknown): number => {
  try {
    work();
  } catch (error) {
    if (error instanceof LicensingError) return error.status;
    throw error;
  }
  return 0;
};
