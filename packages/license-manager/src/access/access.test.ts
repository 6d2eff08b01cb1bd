import { Buffer } from 'node:buffer';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { decodeGrant, type Reply } from '@keyhaven/core/session';
import { MINUTE, mono } from '@keyhaven/core/time';
import type { RemoteMode } from '@keyhaven/core/users';
import { createMemoryLedger } from '@keyhaven/ledger';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { connectApplication, createSite, localParty, type Site, someone } from '../authority/site.testing.ts';
import { createNet, product } from '../protection/lms.testing.ts';
import { parseSettings } from '../settings.ts';
import { createSimulatedClock } from '../simulated-clock.testing.ts';
import { type Access, createAccess, createDeniedClients, rulesOf } from './index.ts';

const accessOf = (users: readonly string[], clients: readonly string[] = []): Access => createAccess(rulesOf({ users, clients }));
const as = (user: string, host = 'here') => ({ application: { ...someone, user, host } });
const remote = (holder: string, address = '10.23.4.5') => ({ holder, address, process: undefined });
const refusals = async (site: Site) => (await site.ledger.audit({ kind: 'refused' })).map(({ detail }) => detail);
const sessionIn = (reply: Reply): string => Buffer.from(decodeGrant(reply.body).session).toString('hex');
const [elsewhere, other] = ['G'.repeat(40), 'H'.repeat(40)];

describe('rules at the owner of a key (R9)', () => {
  it('deny a user with 53, and the audit says who, what and by which rule', async () => {
    const site = await createSite({ access: accessOf(['deny=bob,feature:42', 'allow=*']) });
    const key = await site.licensed({ features: [{ id: 42, seats: 2 }, { id: 43 }] });
    const application = connectApplication(site, key);
    expect((await application.login(42, as('ada'))).status).toBe(Status.OK);
    const refused = await application.login(42, as('Bob'));
    expect(refused.status).toBe(Status.USER_DENIED);
    expect(Buffer.from(refused.body).toString(), 'the rule is for administrators').not.toContain('deny=');
    expect((await application.login(43, as('bob'))).status, 'another feature').toBe(Status.OK);
    expect(await refusals(site)).toMatchObject([{ user: 'Bob', host: 'here', feature: 42, status: 53, rule: 'deny=bob,feature:42' }]);
  });

  it.each([
    ['deny=vendor:37515', Status.USER_DENIED],
    ['deny=vendor:37516', Status.OK],
    ['deny=*@her*,product:1', Status.USER_DENIED],
    ['deny=*@10.23.*', Status.USER_DENIED],
    ['deny=*@10.24.*', Status.OK],
    [`deny=*,lm:${elsewhere}`, Status.USER_DENIED],
    [`deny=*,lm:${other}`, Status.OK],
    ['deny=*,lm:local', Status.OK],
  ])('%s, to an application of another computer: %i', async (rule, status) => {
    const site = await createSite({ access: accessOf([rule]) });
    const key = await site.licensed({ features: [{ id: 42 }] });
    expect((await connectApplication(site, key, remote(elsewhere)).login(42)).status).toBe(status);
  });

  it('deny another computer with 5, by address and by name, and never this one', async () => {
    const site = await createSite({ access: accessOf([], ['allow=lab-*', 'deny=*']) });
    const key = await site.licensed({ features: [{ id: 42 }] });
    const login = async (holder: string, host: string) =>
      (await connectApplication(site, key, holder === 'local' ? localParty() : remote(holder)).login(42, as('ada', host))).status;
    expect(await login(elsewhere, 'lab-7')).toBe(Status.OK);
    expect(await login(elsewhere, 'office')).toBe(Status.ACCESS_DENIED);
    expect(await login('local', 'office')).toBe(Status.OK);
    expect(await refusals(site)).toMatchObject([{ address: '10.23.4.5', holder: elsewhere, status: 5, rule: 'deny=*' }]);
  });

  it('keep reserved seats, give them back with their session, and know them after a restart', async () => {
    const ledger = createMemoryLedger({ now: () => site.clock.wall() });
    const rules = ['allow=ada,feature:42,reserve=1'];
    let site: Site = await createSite({ ledger, access: accessOf(rules) });
    const key = await site.licensed({ features: [{ id: 42, seats: 2 }] });
    const first = connectApplication(site, key);
    const ada = await first.login(42, as('ada'));
    expect(ada.status).toBe(Status.OK);
    expect((await first.login(42, as('bob'))).status, 'ada has hers, the other one is free').toBe(Status.OK);
    const [session] = [...site.authority.sessions()].filter(({ row }) => row.user === 'bob');
    if (session === undefined) throw new Error('no session');
    await site.authority.release(session, 'logout');

    site = await createSite({ ledger, access: accessOf(rules) });
    const again = site.keystore.get(key.identity.id) ?? key;
    const second = connectApplication(site, again);
    expect((await second.login(42, as('bob'))).status, 'ada has hers still').toBe(Status.OK);
    const mine = site.authority.session(sessionIn(ada));
    if (mine === undefined) throw new Error('no session');
    await site.authority.release(mine, 'logout');
    const refused = await second.login(42, as('eve'));
    expect(refused.status).toBe(Status.TOO_MANY_USERS);
    expect(Buffer.from(refused.body).toString()).toContain('reserved for others');
    expect((await second.login(42, as('ada'))).status).toBe(Status.OK);
  });

  it('change while sessions run: those go on, and their seats count for what is reserved from then on', async () => {
    const rules = accessOf([]);
    const site = await createSite({ access: rules });
    const key = await site.licensed({ features: [{ id: 42, seats: 3 }] });
    const application = connectApplication(site, key);
    expect((await application.login(42, as('ada'))).status).toBe(Status.OK);
    const running = [...site.authority.sessions()].map(({ id, pool, row }) => ({ id, pool, vendor: key.identity.vendor, row }));
    rules.change(rulesOf({ users: ['deny=bob', 'allow=ada,feature:42,reserve=2'], clients: [] }), running);
    expect((await application.login(42, as('bob'))).status).toBe(Status.USER_DENIED);
    expect(await refusals(site)).toMatchObject([{ user: 'bob', rule: 'deny=bob' }]);
    expect((await application.login(42, as('eve'))).status, 'ada has one of her two, one is free').toBe(Status.OK);
    expect((await application.login(42, as('max'))).status, 'the last one is for ada').toBe(Status.TOO_MANY_USERS);
    rules.change(rulesOf({ users: [], clients: [] }), running);
    expect((await application.login(42, as('bob'))).status).toBe(Status.OK);
  });

  const user = fc.constantFrom('ada', 'eve', 'bob', 'max');
  const batch = fc.array(
    fc.oneof(
      { weight: 3, arbitrary: fc.record({ user, seats: fc.integer({ min: 1, max: 2 }) }) },
      { weight: 2, arbitrary: fc.record({ ends: fc.nat(20) }) },
    ),
    { minLength: 1, maxLength: 4 },
  );
  it('I1: leave free what is reserved and not taken, also where several ask at once', async () => {
    const run = async (count: 'login' | 'station', batches: readonly (readonly object[])[]): Promise<void> => {
      const access = accessOf(['group a = ada, eve', 'allow=a,feature:42,reserve=2', 'allow=ada,product:1,reserve=1']);
      const site = await createSite({ access });
      const key = await site.licensed({ features: [{ id: 42, seats: 5, count }] });
      const pool = { key: key.identity.id, product: 1, feature: 42 };
      const kept = (): number => access.reservedForOthers({ ...someone, user: 'bob', holder: 'x', address: '' }, pool, key.identity.vendor);
      const application = connectApplication(site, key);
      const others = ['G', 'H', 'I'].map((letter) => connectApplication(site, key, remote(letter.repeat(40))));
      for (const [index, steps] of batches.entries()) {
        await Promise.all(
          steps.map(async (step, at) => {
            if ('ends' in step) {
              const all = [...site.authority.sessions()];
              const session = all[Number(step.ends) % Math.max(1, all.length)];
              if (session !== undefined) await site.authority.release(session, 'logout');
            } else if ('user' in step && 'seats' in step) {
              const from = [application, ...others][(index + at) % 4] ?? application;
              await from.login(42, { ...as(String(step.user)), seats: Number(step.seats) });
            }
          }),
        );
        expect(site.authority.used(pool)).toBeLessThanOrEqual(5);
        expect(5 - site.authority.used(pool)).toBeGreaterThanOrEqual(kept());
      }
      await Promise.all([...site.authority.sessions()].map((session) => site.authority.release(session, 'logout')));
      expect([site.authority.used(pool), kept()]).toEqual([0, 3]);
    };
    await fc.assert(fc.asyncProperty(fc.constantFrom('login' as const, 'station' as const), fc.array(batch, { maxLength: 15 }), run), {
      numRuns: process.env['SLOW'] === undefined ? 40 : 1_000,
    });
  });

  it('deny lending where they deny one of the features, and whom they allow by name is not known to an administrator', () => {
    const to = { user: undefined, host: 'boat', guid: elsewhere };
    const of = { vendor: 7, key: '1', product: 1 };
    const bar = (users: readonly string[], user?: string, administrator = false) =>
      accessOf(users).againstDetach({ ...to, user, administrator }, of, [42, 43]);
    const rule = (users: readonly string[], user?: string) => bar(users, user)?.rule;
    expect(bar(['deny=nobody@all'], undefined, true), 'an administrator here is not among people who are named').toBeUndefined();
    expect(bar(['# first', 'deny=@boat'], undefined, true)?.detail).toMatch(
      /^Rule "deny=@boat" .*denies detaching feature 42 to computer boat\.$/,
    );
    expect(bar(['deny=nobody@all'])?.detail).toMatch(/^Rule "deny=nobody@all" .* by a user who is not known, to computer boat\.$/);
    expect(bar(['deny=ada'], 'ada')?.detail).toMatch(/ by ada, to computer boat\.$/);
    expect(rule(['deny=*@boat,feature:43'])).toBe('deny=*@boat,feature:43');
    expect(rule(['deny=*@boat,feature:44'])).toBeUndefined();
    expect(rule(['deny=ada'])).toBe('deny=ada');
    expect(rule(['allow=ada', 'deny=*'])).toBe('deny=*');
    expect(rule(['allow=ada', 'deny=*'], 'ada')).toBeUndefined();
    const kept = (user?: string) => accessOf(['allow=ada,feature:42,reserve=2']).keptFromDetach({ ...to, user }, { ...of, feature: 42 }, 7);
    expect([kept(), kept('bob'), kept('ada')]).toEqual([2, 2, 0]);
    expect(rule([`deny=*,lm:${elsewhere}`])).toBe(`deny=*,lm:${elsewhere}`);
  });

  it('tell who goes first among those who wait', async () => {
    const access = accessOf(['allow=ada,priority=7', 'deny=eve']);
    const pool = { key: '1', product: 1, feature: 42 };
    const who = (user: string) => ({ ...someone, user, holder: 'local', address: '127.0.0.1' });
    expect(['ada', 'bob', 'eve'].map((user) => access.priorityOf(who(user), pool, 7))).toEqual([7, 0, 0]);
  });
});

describe('rules in the settings', () => {
  it('are checked at the start, and every faulty line is named (501)', () => {
    const toml = '[access]\nusers = ["allow=ada", "permit=bob", "deny=x,feature:zero"]\nclients = ["deny=10.0.0.0/99", "allow=*"]\n';
    expect(() => parseSettings(toml)).toThrow(
      expect.objectContaining({
        status: 501,
        message: expect.stringMatching(/access\.users\.1: .*access\.users\.2: .*access\.clients\.0: /s) as string,
      }),
    );
    expect(() => parseSettings('[access]\nusers = "deny=ada"')).toThrow(/access\.users/);
  });
});

describe('"Access from Remote Clients" (R9)', () => {
  const withMode = async (mode: RemoteMode) => {
    const clock = createSimulatedClock();
    const net = createNet(clock);
    const remote = { mode, place: { file: 'keyhaven.ini', line: 3 } };
    const [owner, client] = [
      await net.start({ host: 'a', seed: 1, access: { users: [], clients: [], remote } }),
      await net.start({ host: 'b', seed: 2 }),
    ];
    await owner.license([product(1, { type: 'perpetual' })]);
    await net.meet(owner, client);
    const finding = client.find(10).then(
      ({ candidates }) => candidates.length,
      (error: unknown) => -(error instanceof LicensingError ? error.status : Number.NaN),
    );
    clock.advance(2 * MINUTE);
    return { owner, found: await finding, refused: (await owner.ledger.audit({ kind: 'refused' })).map(({ detail }) => detail) };
  };

  it.each([
    ['none', -Status.KEY_NOT_FOUND, Status.ACCESS_DENIED],
    ['identifiable', -Status.IDENTITY_REQUIRED, Status.IDENTITY_REQUIRED],
  ] as const)(
    'of mode %s: another computer is told %i, and the audit and the log have the setting with its line',
    async (mode, told, status) => {
      const { owner, found, refused } = await withMode(mode);
      expect(found).toBe(told);
      const rule = `access.remoteClients = ${mode}`;
      expect(refused).toMatchObject([{ status, address: 'b', rule, ruleFile: 'keyhaven.ini', ruleLine: 3 }]);
      expect(owner.events('computer refused by a rule')).toMatchObject([{ status, rule, file: 'keyhaven.ini', line: 3, address: 'b' }]);
      expect(await owner.login(1, 10), 'this computer itself').toBe('OK');
    },
  );

  it.each(['split', 'all'] as const)('of mode %s: everybody may come, for no license here is in a cloud', async (mode) => {
    expect(await withMode(mode)).toMatchObject({ found: 1, refused: [] });
  });

  it('closed while somebody has a channel: his next login is refused', async () => {
    const access = createAccess({ users: [], clients: [] });
    const site = await createSite({ access });
    const key = await site.licensed({ features: [{ id: 42 }] });
    const application = connectApplication(site, key, remote(elsewhere));
    expect((await application.login(42)).status).toBe(Status.OK);
    access.change({ users: [], clients: [], remote: { mode: 'identifiable' } }, []);
    expect((await application.login(42)).status).toBe(Status.IDENTITY_REQUIRED);
  });

  it('logs every login that a rule refuses, with the line of the rule and who it was', async () => {
    const seen: unknown[] = [];
    const rules = rulesOf({ users: ['allow=ada', 'deny=bob'], clients: [] }, (path, index) => ({ file: path, line: 10 + (index ?? 0) }));
    const access = createAccess(rules, {
      onBarred: ({ user }, { feature }, { rule, place }) => void seen.push([user, feature, rule, place]),
    });
    const site = await createSite({ access });
    const application = connectApplication(site, await site.licensed({ features: [{ id: 42 }] }));
    for (const user of ['ada', 'bob', 'bob']) await application.login(42, as(user));
    const refusal = ['bob', 42, 'deny=bob', { file: 'access.users', line: 11 }];
    expect(seen).toEqual([refusal, refusal]);
    expect((await refusals(site))[0]).toMatchObject({ rule: 'deny=bob', ruleFile: 'access.users', ruleLine: 11 });
  });
});

describe('another license manager that is denied', () => {
  it('gets no link, its applications find no key, and the audit of the owner says which rule', async () => {
    const clock = createSimulatedClock();
    const net = createNet(clock);
    const [owner, client] = [
      await net.start({ host: 'a', seed: 1, access: rulesOf({ users: [], clients: ['deny=b'] }) }),
      await net.start({ host: 'b', seed: 2 }),
    ];
    await owner.license([product(1, { type: 'perpetual' })]);
    await net.meet(owner, client);
    const finding = client.find(10).catch((error: unknown) => error);
    clock.advance(2 * MINUTE);
    expect(await finding).toMatchObject({ status: Status.KEY_NOT_FOUND });
    const refused = (await owner.ledger.audit({ kind: 'refused' })).map(({ detail }) => detail);
    expect(refused).toMatchObject([{ status: 5, address: 'b', rule: 'deny=b' }]);
    const allowed = await net.start({ host: 'c', seed: 3 });
    await net.meet(owner, allowed);
    expect((await allowed.find(10)).candidates).toHaveLength(1);
  });

  it('is in the audit once in ten minutes for each rule and address, however often it knocks', () => {
    const note = createDeniedClients();
    const bar = { status: Status.ACCESS_DENIED, detail: 'No.', rule: 'deny=*' } as const;
    const knock = (minute: number, address = '10.0.0.1') =>
      note({ address, host: undefined, holder: undefined }, bar, mono(minute * MINUTE));
    expect(knock(0)).toMatchObject({ kind: 'refused', scope: 'lm', detail: { address: '10.0.0.1', status: 5, rule: 'deny=*' } });
    expect(knock(9)).toBeUndefined();
    expect(knock(9, '10.0.0.2')).toBeDefined();
    expect(knock(11)).toBeDefined();
  });
});
