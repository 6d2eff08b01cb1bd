import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { sha256 } from '../crypto/index.ts';
import { MINUTE, mono, SECOND } from '../time/index.ts';
import { createHolderLeases, createOwnerLeases, LEASE_MS, RENEW_MS } from './index.ts';

// Holder and owner with a network between them that is slow, loses requests and answers, and clocks that run apart by up to one percent.
// Blocks travel as link-caller and link-answerer carry them: one request at a time, its answer or a broken link.

const numRuns = process.env['SLOW'] === undefined ? 300 : 10_000;
const PEER = 'p';
const HOLDER = 'h';

type Fate = {
  readonly out: number;
  readonly back: number;
  readonly lost: 'no' | 'request' | 'answer';
  /** A grant at the owner while the request or the answer is on its way. */
  readonly grant: 'no' | 'out' | 'back';
};
type Step =
  | { readonly kind: 'wait'; readonly milliseconds: number }
  | { readonly kind: 'grant' | 'release' | 'kill' | 'restart owner' | 'restart holder' }
  | { readonly kind: 'exchange' };

const delay = fc.oneof(fc.integer({ min: 0, max: 50 }), fc.integer({ min: 0, max: 10 * SECOND }));
const fate = fc.record<Fate>({
  out: delay,
  back: delay,
  lost: fc.oneof(
    { weight: 4, arbitrary: fc.constant('no' as const) },
    { weight: 2, arbitrary: fc.constantFrom('request' as const, 'answer' as const) },
  ),
  grant: fc.constantFrom('no', 'no', 'no', 'out', 'back'),
});
const step = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant('wait' as const),
      milliseconds: fc.oneof(fc.integer({ min: 1, max: 5_000 }), fc.integer({ min: 1, max: 4 * MINUTE })),
    }),
  },
  {
    weight: 6,
    arbitrary: fc.record({
      kind: fc.constantFrom(
        'grant' as const,
        'grant' as const,
        'exchange' as const,
        'release' as const,
        'kill' as const,
        'restart owner' as const,
        'restart holder' as const,
      ),
    }),
  },
);

class Pair {
  now = 0;
  readonly holderRate: number;
  readonly ownerRate: number;
  #holder = createHolderLeases(LEASE_MS, RENEW_MS);
  #owner = createOwnerLeases(LEASE_MS);
  /** What the owner's ledger says. */
  readonly ledger = new Set<string>();
  /** Ended on purpose; believing in them a little longer takes nobody's seat. */
  readonly ended = new Set<string>();
  readonly stored = new Set<string>();
  #outbox: { readonly kind: 'attached' | 'detached'; readonly session: string }[] = [];
  #releases: string[] = [];
  #next = 1;
  #fates: readonly Fate[];
  #used = 0;
  #exchanging = false;
  #list = false;

  constructor(holderRate: number, ownerRate: number, fates: readonly Fate[]) {
    this.holderRate = holderRate;
    this.ownerRate = ownerRate;
    this.#fates = fates;
    this.#holder.opened(this.#at(holderRate), PEER);
  }
  #at(rate: number) {
    return mono(this.now * rate);
  }

  /** From now on nothing is late and nothing is lost. */
  heal(): void {
    this.#fates = [{ out: 5, back: 5, lost: 'no', grant: 'no' }];
  }
  grant(): void {
    // Ids are random in the field; numbers in a row would make the digests of different sets equal.
    const session = sha256(Buffer.of(this.#next++ & 0xff, this.#next >> 8))
      .toString('hex')
      .slice(0, 32);
    this.ledger.add(session);
    this.#owner.keep(this.#at(this.ownerRate), HOLDER, session);
    this.#outbox.push({ kind: 'attached', session });
  }
  release(): void {
    const [session] = this.#holder.sessions(PEER);
    if (session === undefined) return;
    this.#holder.detached(PEER, session);
    this.stored.delete(session);
    this.#releases.push(session);
  }
  kill(): void {
    const [session] = this.ledger;
    if (session === undefined) return;
    this.#end(session);
  }
  #end(session: string): void {
    this.ledger.delete(session);
    this.ended.add(session);
    this.#owner.ended(HOLDER, session);
    this.#outbox.push({ kind: 'detached', session });
  }
  restartOwner(): void {
    this.#owner = createOwnerLeases(LEASE_MS);
    this.#outbox = [];
    for (const session of this.ledger) this.#owner.keep(this.#at(this.ownerRate), HOLDER, session);
  }
  restartHolder(): void {
    this.#holder = createHolderLeases(LEASE_MS, RENEW_MS);
    this.#holder.opened(this.#at(this.holderRate), PEER);
    this.#outbox = [];
    this.#list = false;
    for (const session of this.stored) this.#holder.attached(this.#at(this.holderRate), PEER, session);
  }

  exchange(): void {
    if (this.#exchanging) return;
    this.#exchanging = true;
    const [holder, owner] = [this.#holder, this.#owner];
    const chosen = this.#fates[this.#used++ % this.#fates.length]!;
    const request = this.#list ? { list: holder.list(this.#at(this.holderRate), PEER) } : holder.renewal(this.#at(this.holderRate), PEER);
    this.#list = false;
    const releases = this.#releases;
    this.advance(chosen.out);
    if (chosen.grant === 'out') this.grant();
    if (chosen.lost !== 'request') {
      for (const session of releases) if (this.ledger.has(session)) this.#end(session);
      let gone: Uint8Array[] = [];
      let agreed = true;
      if ('list' in request) gone = this.#owner.renewExactly(this.#at(this.ownerRate), HOLDER, request.list);
      else agreed = this.#owner.renew(this.#at(this.ownerRate), HOLDER, request.count, request.digest);
      const attached = this.#outbox;
      this.#outbox = [];
      if (chosen.grant === 'back') this.grant();
      this.advance(chosen.back);
      // After a restart of either the link is another one, and nothing of the old one arrives.
      if (chosen.lost === 'no' && holder === this.#holder && owner === this.#owner) {
        this.#releases = this.#releases.filter((session) => !releases.includes(session));
        for (const { kind, session } of attached) {
          if (kind === 'attached') {
            holder.attached(this.#at(this.holderRate), PEER, session);
            this.stored.add(session);
          } else {
            holder.detached(PEER, session);
            this.stored.delete(session);
          }
        }
        for (const session of gone) {
          holder.detached(PEER, Buffer.from(session).toString('hex'));
          this.stored.delete(Buffer.from(session).toString('hex'));
        }
        if (agreed) holder.renewed(PEER);
        else this.#list = true;
      }
    } else this.#outbox = [];
    this.#exchanging = false;
    this.check();
    if (this.#list) this.exchange();
  }

  /** Lets time pass, with both sides looking at the moments they ask for. */
  advance(milliseconds: number): void {
    const end = this.now + milliseconds;
    for (;;) {
      const holderNext = (this.#holder.nextTimeout() ?? Number.POSITIVE_INFINITY) / this.holderRate;
      const ownerNext = (this.#owner.nextTimeout() ?? Number.POSITIVE_INFINITY) / this.ownerRate;
      const next = Math.min(holderNext, ownerNext);
      if (next > end) break;
      this.now = Math.max(this.now, next);
      // The later of two that fall together may come first.
      for (const { session } of this.#owner.timeout(mono(this.#at(this.ownerRate) + 1e-6))) {
        this.ledger.delete(session);
        this.#outbox.push({ kind: 'detached', session });
      }
      this.check();
      for (const event of this.#holder.timeout(mono(this.#at(this.holderRate) + 1e-6))) {
        if (event.kind === 'lapsed') for (const session of event.sessions) this.stored.delete(session);
        else this.exchange();
      }
    }
    this.now = Math.max(this.now, end);
    this.check();
  }

  check(): void {
    const until = this.#holder.until(PEER);
    if (until === undefined || this.#at(this.holderRate) >= until) return;
    for (const session of this.#holder.sessions(PEER)) {
      if (!this.ledger.has(session) && !this.ended.has(session))
        throw new Error(`I2: ${session} is believed in at ${this.now} and given away`);
    }
  }
  get believed(): string[] {
    return this.#holder.sessions(PEER);
  }
}

const rate = fc.double({ min: 0.995, max: 1.005, noNaN: true });

describe('the two ends of a lease', () => {
  it('I2: whatever is lost, late or restarted, the holder stops believing before the owner gives a seat away', () => {
    fc.assert(
      fc.property(
        rate,
        rate,
        fc.array(fate, { minLength: 1, maxLength: 12 }),
        fc.array<Step>(step, { maxLength: 60 }),
        (a, b, fates, steps) => {
          const pair = new Pair(a, b, fates);
          for (const each of steps) {
            if (each.kind === 'wait') pair.advance(each.milliseconds);
            else if (each.kind === 'grant') pair.grant();
            else if (each.kind === 'release') pair.release();
            else if (each.kind === 'kill') pair.kill();
            else if (each.kind === 'exchange') pair.exchange();
            else if (each.kind === 'restart owner') pair.restartOwner();
            else pair.restartHolder();
            pair.check();
          }
        },
      ),
      { numRuns },
    );
  });

  it('mean the same sessions again within a lease and two renewals, once the network is well', () => {
    fc.assert(
      fc.property(
        rate,
        rate,
        fc.array(fate, { minLength: 1, maxLength: 6 }),
        fc.array<Step>(step, { maxLength: 30 }),
        (a, b, fates, steps) => {
          const pair = new Pair(a, b, fates);
          for (const each of steps) {
            if (each.kind === 'wait') pair.advance(each.milliseconds);
            else if (each.kind === 'grant') pair.grant();
            else if (each.kind === 'release') pair.release();
            else if (each.kind === 'exchange') pair.exchange();
          }
          pair.heal();
          pair.advance(LEASE_MS + 3 * RENEW_MS);
          expect(new Set(pair.believed)).toEqual(pair.ledger);
        },
      ),
      { numRuns: Math.ceil(numRuns / 3) },
    );
  });
});
