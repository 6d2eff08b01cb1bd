import { Buffer } from 'node:buffer';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { u8 } from '../bytes/wire.testing.ts';
import { answerOpening } from '../channel/index.ts';
import { certificate, certificateOf, documentOf, holderOf, key, keyOf, seededEntropy, vendor, vendorOf } from '../channel/world.testing.ts';
import { encodeGrant } from './calls.ts';
import { attackerEntropy, createTestApplication, createTestKey } from './parties.testing.ts';

// Whoever owns every license manager and every wire between an application and its key (L7, K10, I4). It may deliver, drop, repeat, hold
// back, swap, change, join and invent messages; it has seen everything that was ever said, speaks to the key itself, and has keys and
// certificates of its own. The application must accept nothing that the key did not grant to exactly this login, and the key must run
// nothing in the application's channel that the application did not say.

type Change =
  | { readonly kind: 'none' }
  | { readonly kind: 'flip' | 'set'; readonly at: number; readonly value: number }
  | { readonly kind: 'cut'; readonly at: number }
  | { readonly kind: 'join' | 'splice'; readonly with: number; readonly at: number };
type Step =
  /** What is due, to whom it is for: an honest network does only this. */
  | { readonly kind: 'honest' }
  | { readonly kind: 'drop' }
  /** Any message ever seen, from either side, to the application or to any channel of the key, changed or not. */
  | {
      readonly kind: 'send';
      readonly to: 'application' | 'key' | 'key, as an opening';
      readonly message: number;
      readonly channel: number;
      readonly change: Change;
    }
  | { readonly kind: 'invent'; readonly to: 'application' | 'key'; readonly bytes: Uint8Array }
  /** The attacker answers in place of the key, with the best it has. */
  | { readonly kind: 'impersonate'; readonly as: number }
  /** The attacker opens a channel of its own at the key. */
  | { readonly kind: 'mingle' }
  | { readonly kind: 'reopen' };

const index = fc.nat({ max: 400 });
const change: fc.Arbitrary<Change> = fc.oneof(
  fc.constant<Change>({ kind: 'none' }),
  fc.record({ kind: fc.constantFrom('flip', 'set'), at: index, value: u8 }),
  fc.record({ kind: fc.constant('cut'), at: index }),
  fc.record({ kind: fc.constantFrom('join', 'splice'), with: index, at: index }),
);
const step: fc.Arbitrary<Step> = fc.oneof(
  { weight: 16, arbitrary: fc.constant<Step>({ kind: 'honest' }) },
  { weight: 1, arbitrary: fc.constant<Step>({ kind: 'drop' }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant('send'),
      to: fc.constantFrom('application', 'key', 'key, as an opening'),
      message: index,
      channel: fc.nat({ max: 5 }),
      change,
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant('invent'),
      to: fc.constantFrom('application', 'key'),
      bytes: fc.uint8Array({ maxLength: 300 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant('impersonate'), as: fc.nat({ max: 4 }) }) },
  { weight: 1, arbitrary: fc.constant<Step>({ kind: 'mingle' }) },
  { weight: 2, arbitrary: fc.constant<Step>({ kind: 'reopen' }) },
);

const apply = (bytes: Uint8Array, how: Change, others: readonly Uint8Array[]): Uint8Array => {
  switch (how.kind) {
    case 'none':
      return bytes;
    case 'flip':
    case 'set': {
      const changed = Uint8Array.from(bytes);
      const at = how.at % Math.max(1, changed.length);
      changed[at] = how.kind === 'set' ? how.value : (changed[at] ?? 0) ^ (1 << (how.value & 7));
      return changed;
    }
    case 'cut':
      return bytes.subarray(0, how.at % (bytes.length + 1));
    case 'join':
    case 'splice': {
      const other = others[how.with % Math.max(1, others.length)] ?? bytes;
      return how.kind === 'join' ? Buffer.concat([bytes, other]) : Buffer.concat([bytes.subarray(0, how.at), other.subarray(how.at)]);
    }
  }
};

/** Keys that the attacker may answer with: each knows the rules, and none is the key that the application asks for. */
const impostors = ((): ReturnType<typeof holderOf>[] => {
  const stranger = vendorOf(vendor.vendor, 0x31);
  const other = keyOf(vendor, 0x41);
  const asKey = (holder: ReturnType<typeof holderOf>) => ({ ...holder, id: key.id, vendor: vendor.vendor });
  return [
    asKey(holderOf(other, certificate)), // The true certificate, another private key.
    asKey(holderOf(other, documentOf(certificateOf(other), vendor))), // A true key of the same vendor, but not the one.
    asKey(holderOf(other, documentOf({ ...certificateOf(key), signingKey: certificateOf(other).signingKey }, stranger))), // A vendor of the same id.
    asKey({ ...holderOf(other, documentOf(certificateOf(other), vendor)), digest: holderOf(key, certificate).digest }),
    asKey(holderOf(other, Buffer.alloc(0))),
  ];
})();

type Outcome = { readonly accepted: number; readonly refused: number; readonly results: number };

const play = (steps: readonly Step[], knows: boolean): Outcome => {
  const application = createTestApplication(
    seededEntropy(1),
    knows ? { document: certificate, certificate: certificateOf(key) } : undefined,
  );
  const theKey = createTestKey(seededEntropy(10_000), certificate);
  const own = attackerEntropy();
  const seen: Uint8Array[] = [];
  const spokenIn: string[][] = []; // What the application said, by the channel of the key that the attacker put it into.
  let current = -1;
  let due: { readonly to: 'application' | 'key'; readonly bytes: Uint8Array } | undefined;
  let unopened: Uint8Array | undefined;

  const see = (bytes: Uint8Array | undefined, to: 'application' | 'key'): void => {
    if (bytes === undefined) return;
    seen.push(bytes);
    due = { to, bytes };
  };
  const reopen = (): void => {
    unopened = application.open();
    current = -1;
    see(unopened, 'key');
  };
  const toKey = (bytes: Uint8Array, asOpening: boolean, channel: number): void => {
    if (!asOpening) return see(theKey.receive(channel, bytes), 'application');
    const opened = theKey.open(bytes);
    if (opened === undefined) return;
    spokenIn[opened.number] = [];
    current = opened.number;
    see(opened.answer, 'application');
  };
  const toApplication = (bytes: Uint8Array): void => see(application.receive(bytes), 'key');

  reopen();
  for (const each of steps) {
    switch (each.kind) {
      case 'honest': {
        const next = due;
        due = undefined;
        if (next === undefined) reopen();
        else if (next.to === 'application') toApplication(next.bytes);
        else toKey(next.bytes, next.bytes === unopened, current);
        break;
      }
      case 'drop':
        due = undefined;
        break;
      case 'send': {
        const bytes = apply(seen[seen.length - 1 - (each.message % seen.length)] ?? Buffer.alloc(0), each.change, seen);
        if (each.to === 'application') toApplication(bytes);
        else toKey(bytes, each.to !== 'key', each.channel);
        break;
      }
      case 'invent':
        if (each.to === 'application') toApplication(each.bytes);
        else toKey(each.bytes, false, current);
        break;
      case 'impersonate': {
        const holder = impostors[each.as];
        if (holder === undefined || unopened === undefined) break;
        const { message, channel } = answerOpening(unopened, holder, own);
        toApplication(message);
        // And goes on as if that had been believed: a grant of its own making.
        const grant = { handle: 1, session: own.bytes(16), token: own.bytes(32), product: 1, feature: 42, seats: 1 };
        const reply = encodeGrant(grant);
        toApplication(channel.seal(Buffer.concat([Buffer.from([0, 0, 0, 6 + reply.length, 0, 0, 0, 1, 0, 0]), reply])));
        break;
      }
      case 'mingle': {
        const mine = createTestApplication(own);
        const opened = theKey.open(mine.open());
        if (opened === undefined) break;
        seen.push(opened.answer);
        const login = mine.receive(opened.answer);
        const granted = login === undefined ? undefined : theKey.receive(opened.number, login);
        for (const bytes of [login, granted]) if (bytes !== undefined) seen.push(bytes);
        if (granted !== undefined) mine.receive(granted);
        break;
      }
      case 'reopen':
        reopen();
        break;
    }
    for (const grant of application.accepted) expect(theKey.granted.has(grant), 'a grant that the key made for this login (I4)').toBe(true);
    for (const result of application.results) expect(theKey.results.has(result), 'a result that the key gave').toBe(true);
  }
  // A grant is believed once, and what the key ran in a channel of the application is what the application said there, in its order.
  expect(new Set(application.accepted).size).toBe(application.accepted.length);
  const said = new Set(application.said);
  for (const calls of theKey.heard) {
    const own = calls.filter((call) => said.has(call));
    expect(own.length === 0 || own.length === calls.length, 'no call of somebody else in a channel of the application').toBe(true);
    expect(new Set(own).size).toBe(own.length);
  }
  return { accepted: application.accepted.length, refused: application.refusals, results: application.results.length };
};

const honest = (count: number): Step[] => Array.from({ length: count }, () => ({ kind: 'honest' }));

describe('an attacker in the middle', () => {
  it('who passes everything on is no attacker: the application gets its grant and its results', () => {
    expect(play(honest(5), false)).toEqual({ accepted: 1, refused: 0, results: 0 });
    expect(play(honest(20), true)).toMatchObject({ accepted: 3, refused: 0, results: 3 });
  });

  it('I4: never makes an application accept a grant other than the one that the key made for this login', () => {
    const total = { accepted: 0, refused: 0, results: 0 };
    fc.assert(
      fc.property(fc.array(step, { minLength: 5, maxLength: 40 }), fc.boolean(), (steps, knows) => {
        const { accepted, refused, results } = play(steps, knows);
        total.accepted += accepted;
        total.refused += refused;
        total.results += results;
      }),
      { numRuns: 200 },
    );
    // The property says something only where grants were made and attacks were noticed.
    expect(total.accepted).toBeGreaterThan(20);
    expect(total.results).toBeGreaterThan(5);
    expect(total.refused).toBeGreaterThan(100);
  });

  it.each(impostors.map((_, as) => as))('is no key with any of what it has (impostor %d)', (as) => {
    expect(play([{ kind: 'impersonate', as }], false)).toMatchObject({ accepted: 0, refused: 2 });
    expect(play([{ kind: 'impersonate', as }], true)).toMatchObject({ accepted: 0, refused: 2 });
  });

  it('gets nothing for a grant of yesterday, in a new channel or in the old one', () => {
    const replay = (message: number): Step => ({ kind: 'send', to: 'application', message, channel: 0, change: { kind: 'none' } });
    const yesterday = honest(4);
    for (let message = 0; message < 6; message += 1) {
      const again = play([...yesterday, { kind: 'reopen' }, ...honest(2), replay(message)], false);
      expect(again.accepted, `message ${message}`).toBe(1);
      expect(play([...yesterday, replay(message), replay(message)], false).accepted).toBe(1);
    }
  });
});
