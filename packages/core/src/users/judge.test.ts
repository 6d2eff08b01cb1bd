import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  type Asked,
  type Asker,
  admitsRemote,
  clientDenial,
  namesIn,
  parseClientRules,
  parseUserRules,
  priorityOf,
  remoteDenial,
  remoteModes,
  userRuleFor,
} from './index.ts';

const asker = (of: Partial<Asker> = {}): Asker => ({ user: 'ada', host: 'lab-1', address: '10.23.4.5', holder: 'local', ...of });
const asked = (of: Partial<Asked> = {}): Asked => ({ vendor: 7, key: '77', product: 1, feature: 42, ...of });
const rulesOf = (...lines: string[]) => {
  const { rules, faults } = parseUserRules(lines);
  expect(faults).toEqual([]);
  return rules;
};
const verdict = (lines: readonly string[], by: Partial<Asker> = {}, pool: Partial<Asked> = {}): string =>
  userRuleFor(rulesOf(...lines), asker(by), asked(pool))?.verdict ?? 'allow by default';
const elsewhere = 'G'.repeat(40);

describe('what a Users rule says (R9, field-facts 2.3)', () => {
  it.each<[string[], Partial<Asker>, Partial<Asked>, string]>([
    [[], {}, {}, 'allow by default'],
    [['deny=ada'], {}, {}, 'deny'],
    [['deny=ada'], { user: 'bob' }, {}, 'allow by default'],
    [['deny=ADA@LAB-1'], {}, {}, 'deny'],
    [['deny=ada@lab-2'], {}, {}, 'allow by default'],
    [['deny=ada@all'], {}, {}, 'deny'],
    [['deny=all@all'], {}, {}, 'deny'],
    [['deny=@lab-*'], {}, {}, 'deny'],
    [['deny=a*a'], {}, {}, 'deny'],
    [['deny=a.a'], {}, {}, 'allow by default'],
    [['deny=*,feature:42'], {}, {}, 'deny'],
    [['deny=*,feature:42'], {}, { feature: 43 }, 'allow by default'],
    [['deny=*,vendor:7,key:77,product:1'], {}, {}, 'deny'],
    [['deny=*,vendor:8'], {}, {}, 'allow by default'],
    [['deny=*,key:78'], {}, {}, 'allow by default'],
    [['deny=product:1'], {}, {}, 'deny'],
    [['deny=*@10.23.*'], {}, {}, 'deny'],
    [['deny=*@10.0.0.0/8'], { address: '::ffff:10.23.4.5' }, {}, 'deny'],
    [['deny=*@10.24.*'], {}, {}, 'allow by default'],
    [['deny=*@fe80::/10'], { address: 'fe80::1%eth0' }, {}, 'deny'],
    [['deny=*,lm:local'], {}, {}, 'deny'],
    [['deny=*,lm:local'], { holder: elsewhere }, {}, 'allow by default'],
    [[`allow=*,lm:${elsewhere}`, 'deny=*'], { holder: elsewhere }, {}, 'allow'],
    // First match wins.
    [['allow=ada', 'deny=*'], {}, {}, 'allow'],
    [['allow=ada', 'deny=*'], { user: 'bob' }, {}, 'deny'],
    [['deny=*', 'allow=ada'], {}, {}, 'deny'],
    [['allow=ada,feature:42', 'deny=*,product:1'], {}, { feature: 1 }, 'deny'],
    // Groups, wherever they stand.
    [['allow=makers', 'deny=*', 'group makers = eve, ada'], {}, {}, 'allow'],
    [['allow=makers', 'deny=*', 'group Makers = eve, ada@lab-1'], { host: 'lab-2' }, {}, 'deny'],
    [['allow=makers@lab-2', 'deny=*', 'group makers = ada'], {}, {}, 'deny'],
    [['allow=labs', 'deny=*', 'group labs = @lab-1, @lab-2'], { user: 'eve', host: 'lab-2' }, {}, 'allow'],
    // A user who is not known: what allows users does not speak of it, what denies them does.
    [['allow=ada', 'deny=*'], { user: undefined }, {}, 'deny'],
    [['deny=ada'], { user: undefined }, {}, 'deny'],
    [['allow=*', 'deny=ada'], { user: undefined }, {}, 'allow'],
    // An administrator of the owner's computer: what names people is not about that, what is for everybody or for computers is.
    [['deny=nobody@all'], { user: undefined, administrator: true }, {}, 'allow by default'],
    [['deny=ada@lab-1'], { user: undefined, administrator: true }, {}, 'allow by default'],
    [['deny=makers', 'group makers = eve, ada'], { user: undefined, administrator: true }, {}, 'allow by default'],
    [['deny=labs', 'group labs = eve, @lab-1'], { user: undefined, administrator: true }, {}, 'deny'],
    [['allow=ada', 'deny=*'], { user: undefined, administrator: true }, {}, 'deny'],
    [['deny=all@all'], { user: undefined, administrator: true }, {}, 'deny'],
    [['deny=@lab-1'], { user: undefined, administrator: true }, {}, 'deny'],
  ])('%j to %j for %j: %s', (lines, by, pool, expected) => {
    expect(verdict(lines, by, pool)).toBe(expected);
  });

  it('priority is that of the rule that decides, and 0 where none says more', () => {
    const rules = rulesOf('allow=ada,priority=5', 'allow=*,feature:42,priority=2', 'deny=eve');
    expect(['ada', 'bob', 'eve'].map((user) => priorityOf(rules, asker({ user }), asked()))).toEqual([5, 2, 2]);
    expect(priorityOf(rules, asker({ user: 'bob' }), asked({ feature: 1 }))).toBe(0);
  });

  const name = fc.constantFrom('ada', 'bob', 'eve');
  const line = fc
    .record({
      verdict: fc.constantFrom('allow', 'deny'),
      user: fc.oneof(name, fc.constant('*')),
      feature: fc.option(fc.constantFrom(1, 2), { nil: undefined }),
    })
    .map((rule) => ({ ...rule, text: `${rule.verdict}=${rule.user}${rule.feature === undefined ? '' : `,feature:${rule.feature}`}` }));
  it('the first rule that matches decides, in any list', () => {
    fc.assert(
      fc.property(fc.array(line, { maxLength: 8 }), name, fc.constantFrom(1, 2), (lines, user, feature) => {
        const first = lines.find(
          (each) => (each.user === '*' || each.user === user) && (each.feature === undefined || each.feature === feature),
        );
        expect(
          verdict(
            lines.map(({ text }) => text),
            { user },
            { feature },
          ),
        ).toBe(first?.verdict ?? 'allow by default');
      }),
    );
  });
  it('what follows a rule for everybody changes nothing', () => {
    fc.assert(
      fc.property(fc.array(line), fc.array(line), name, (before, after, user) => {
        const lines = [...before.map(({ text }) => text), 'deny=*'];
        expect(verdict([...lines, ...after.map(({ text }) => text)], { user })).toBe(verdict(lines, { user }));
      }),
    );
  });
});

describe('what Access from Remote Clients says (R9, field-facts 2.5)', () => {
  const denial = (lines: readonly string[], address: string, host?: string, holder?: string): string | undefined =>
    clientDenial(parseClientRules(lines).rules, { address, host, holder })?.line;

  it.each<[string[], string, string | undefined]>([
    [[], '10.1.1.1', undefined],
    [['deny=10.23.*'], '10.23.0.255', 'deny=10.23.*'],
    [['deny=10.23.*'], '10.24.0.1', undefined],
    [['deny=192.168.0.0/16'], '192.168.255.1', 'deny=192.168.0.0/16'],
    [['deny=192.168.0.0/16'], '::ffff:192.168.7.1', 'deny=192.168.0.0/16'],
    [['deny=2001:db8::/32'], '2001:0DB8:0::0001', 'deny=2001:db8::/32'],
    [['deny=2001:db8::/32'], '2001:db9::1', undefined],
    [['deny=::ffff:10.0.0.1'], '10.0.0.1', 'deny=::ffff:10.0.0.1'],
    [['deny=0.0.0.0/0'], '255.1.2.3', 'deny=0.0.0.0/0'],
    [['deny=0.0.0.0/0'], '::1', undefined],
    [['allow=10.23.*', 'deny=*'], '10.23.1.1', undefined],
    [['allow=10.23.*', 'deny=*'], '10.24.1.1', 'deny=*'],
  ])('%j to %s: %s', (lines, address, expected) => {
    expect(denial(lines, address, 'pc-1', elsewhere)).toBe(expected);
  });

  it('a host that is not told yet may still be allowed, and is judged when it is told', () => {
    const lines = ['allow=pc-*', 'deny=*'];
    expect(denial(lines, '10.0.0.1')).toBeUndefined();
    expect(denial(lines, '10.0.0.1', 'PC-7', elsewhere)).toBeUndefined();
    expect(denial(lines, '10.0.0.1', 'other', elsewhere)).toBe('deny=*');
    expect(denial(['deny=10.0.*', ...lines], '10.0.0.1')).toBe('deny=10.0.*');
    expect(denial(['deny=pc-7', 'deny=10.*'], '10.0.0.1'), 'denied whatever its name is').toBe('deny=10.*');
    expect(denial([`deny=*,lm:${elsewhere}`], '10.0.0.1', 'pc-7')).toBeUndefined();
    expect(denial([`deny=*,lm:${elsewhere}`], '10.0.0.1', 'pc-7', elsewhere)).toBe(`deny=*,lm:${elsewhere}`);
  });

  it('a name without a star is whoever has its address, whatever he calls himself', () => {
    const has: Readonly<Record<string, readonly string[]>> = { 'pc-7': ['10.0.0.7', '2001:db8::7'] };
    const said = (lines: readonly string[], address: string, host?: string) =>
      clientDenial(parseClientRules(lines).rules, { address, host, holder: elsewhere }, (name) => has[name] ?? [])?.line;
    const lines = ['allow=PC-7', 'deny=*'];
    expect(said(lines, '10.0.0.7', 'anything')).toBeUndefined();
    expect(said(lines, '2001:DB8:0::7')).toBeUndefined();
    expect(said(lines, '::ffff:10.0.0.7')).toBeUndefined();
    expect(said(lines, '10.0.0.8', 'pc-7'), 'calls himself so').toBe('deny=*');
    expect(said(['allow=pc-8', 'deny=*'], '10.0.0.8', 'pc-8'), 'a name without an address is nobody').toBe('deny=*');
    expect(said(['deny=pc-7'], '10.0.0.7', 'other')).toBe('deny=pc-7');
    expect(said(['deny=pc-7'], '10.0.0.8', 'other')).toBeUndefined();
    expect(said(['deny=pc-7'], '10.0.0.8', 'pc-7'), 'says that it is he').toBe('deny=pc-7');
    expect(said(['allow=pc-*', 'deny=*'], '10.0.0.8', 'pc-8'), 'with a star it is what they say').toBeUndefined();
    expect(namesIn(parseClientRules(['allow=PC-7', 'deny=pc-*', 'deny=10.0.0.1', 'deny=pc-7', 'deny=*']).rules)).toEqual(['pc-7']);
  });

  it('before any rule, by four modes: nobody, identities only (87 until there are any), clouds by identity, everybody', () => {
    expect(remoteModes.map((mode) => [mode, remoteDenial(mode)?.status, admitsRemote(mode)])).toEqual([
      ['none', 5, false],
      ['identifiable', 87, false],
      ['split', undefined, true],
      ['all', undefined, true],
    ]);
  });

  it('an address matches its own range of every length, and the one beside it does not', () => {
    fc.assert(
      fc.property(fc.ipV4(), fc.integer({ min: 1, max: 32 }), (address, length) => {
        const bits = BigInt(address.split('.').reduce((sum, octet) => sum * 256 + Number(octet), 0));
        const text = (value: bigint): string => [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 255n).join('.');
        const shift = BigInt(32 - length);
        const range = `deny=${text((bits >> shift) << shift)}/${length}`;
        expect(denial([range], address, 'h')).toBe(range);
        expect(denial([range], text(bits ^ (1n << shift)), 'h')).toBeUndefined();
      }),
    );
  });
});
