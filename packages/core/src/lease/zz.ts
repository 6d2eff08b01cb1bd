import fc from 'fast-check';
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
  { weight: 4, arbitrary: fc.record({ kind: fc.constant('wait' as const), milliseconds: fc.oneof(fc.integer({ min: 1, max: 5_000 }), fc.integer({ min: 1, max: 4 * MINUTE })) }) },
  { weight: 6, arbitrary: fc.record({ kind: fc.constantFrom('grant' as const, 'grant' as const, 'exchange' as const, 'release' as const, 'kill' as const, 'restart owner' as const, 'restart holder' as const) }) },
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

  grant(): void { console.log(this.now.toFixed(0),'grant', this.#next);
    const session = (this.#next++).toString(16).padStart(32, '0');
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
    console.log(this.now.toFixed(0),'exchange', this.#list?'list':'renew', JSON.stringify(this.#fates[this.#used%this.#fates.length]), 'holds', this.#holder.sessions(PEER).map(x=>x.slice(-2)).join(), 'until', this.#holder.until(PEER)?.toFixed(0), 'ledger', [...this.ledger].map(x=>x.slice(-2)).join());
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
        console.log(this.now.toFixed(0),'owner lapses',session.slice(-2)); this.ledger.delete(session);
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
      if (!this.ledger.has(session) && !this.ended.has(session)) throw new Error(`I2: ${session} is believed in at ${this.now} and given away`);
    }
  }
  get believed(): string[] {
    return this.#holder.sessions(PEER);
  }
}

const pair=new Pair(0.995,0.995,[{"out":0,"back":0,"lost":"no","grant":"out"},{"out":0,"back":0,"lost":"request","grant":"out"},{"out":0,"back":0,"lost":"no","grant":"out"},{"out":0,"back":0,"lost":"request","grant":"no"},{"out":0,"back":0,"lost":"no","grant":"back"}]);
pair.advance(60302); pair.exchange(); pair.grant(); pair.advance(60302); for(;;) pair.advance(60000); 
