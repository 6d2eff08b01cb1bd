import { readers, readersOfFeatures } from '@keyhaven/testkit/feeds';
import { describe, expect, it } from 'vitest';
import { startCompatSite } from './compat-site.testing.ts';
import { createRestClient } from './rest-client.testing.ts';

describe('feeds and pages of existing programs', () => {
  it('are under /_int_/ and without it, with every query that clients send', async () => {
    const site = await startCompatSite();
    const key = await site.license();
    const queries = [
      '',
      '?',
      `?haspid=${key}`,
      '?vendorid=7&featureid=-1',
      '?haspid=0&featureid=-1&vendorid=0&productid=0&filterfrom=1&filterto=20&timestamp=1700000000000?',
      '?filterfrom=1&filterfrom=2',
    ];
    for (const prefix of ['', '/_int_'])
      for (const query of queries) {
        const reply = await site.ask('GET', `${prefix}/tab_feat.html${query}`, '', {
          accept: 'application/json',
          'user-agent': 'Mozilla/5.0',
        });
        expect([query, reply.code]).toEqual([query, 200]);
        for (const read of Object.values(readersOfFeatures)) {
          const rows = read(reply.text);
          expect(rows.map(({ fid, haspid, ven, prid }) => [fid, haspid, ven, prid])).toEqual([
            ['42', key, '7', '5'],
            ['43', key, '7', '5'],
          ]);
          expect(rows[0]?.['fn']).toBe('/* Terrain */ {x},');
        }
        for (const read of Object.values(readers)) {
          const devices = (await site.ask('GET', `${prefix}/tab_dev.html${query}`)).text;
          expect(read(devices).map(({ haspid, isloc, cloned, key_disabled: disabled }) => [haspid, isloc, cloned, disabled])).toEqual([
            [key, '1', '0', '0'],
          ]);
        }
      }
    for (const query of ['?haspid=1', '?vendorid=8', '?productid=6', '?featureid=44', '?filterfrom=3'])
      expect(readers['tool7']?.((await site.ask('GET', `/_int_/tab_feat.html${query}`)).text)).toEqual([]);
    expect(readers['tool7']?.((await site.ask('GET', '/_int_/tab_feat.html?filterfrom=2&filterto=2')).text)).toMatchObject([
      { ndx: '2', fid: '43' },
    ]);
  });

  it('show sessions, which a script ends one by one until none is left', async () => {
    const site = await startCompatSite();
    await site.license();
    const { identity, secret } = JSON.parse(await site.api('POST', '/api/v1/identities', { issuedTo: 'a test' }));
    const client = createRestClient({ port: site.port, identity: identity.id, secret, vendor: 7 });
    for (const processId of [1, 2]) await client.login(42, { clientInfo: { userName: '<i>},{/*', processId } });
    const rows = async () => readers['tool9']?.((await site.ask('GET', '/_int_/tab_sessions.html')).text) ?? [];
    expect(await rows()).toMatchObject([
      { index: '1', vendorid: '7', fid: '42', usr: '&lt;i&gt;},{/*', fn: '/* Terrain */ {x},' },
      { index: '2' },
    ]);
    const types = ['text/plain; charset=utf-8', 'application/x-www-form-urlencoded'];
    for (let [first] = await rows(); first !== undefined; [first] = await rows()) {
      const reply = await site.ask('POST', '/_int_/action.html', `deletelogin=${first['sid']}`, { 'content-type': types.pop() ?? '' });
      expect(reply.code).toBe(200);
    }
    expect(types).toEqual([]);
    expect((await site.ask('POST', '/action.html', 'deletelogin=00', { 'content-type': 'text/plain' })).code).toBe(404);
  });

  it('have the name of a key where an administrator gave it one, and so has its list', async () => {
    const site = await startCompatSite();
    const key = await site.license();
    const { identity, secret } = JSON.parse(await site.api('POST', '/api/v1/identities', { issuedTo: 'a test' }));
    await createRestClient({ port: site.port, identity: identity.id, secret, vendor: 7 }).login(42);
    const names = async (feed: string) => readers['tool9']?.((await site.ask('GET', feed)).text).map(({ haspname }) => haspname);
    const shown = async (): Promise<unknown> =>
      (JSON.parse(await site.api('GET', '/api/v1/list/keys?q=zeichen')) as { items: { name?: string }[] }).items.map(({ name }) => name);
    expect([await names('/tab_feat.html'), await names('/tab_sessions.html'), await shown()]).toEqual([['', ''], [''], []]);
    await site.api('PUT', `/api/v1/keys/${key}/name`, { name: 'Zeichensaal },{ & /*' });
    const told = 'Zeichensaal },{ &amp; /*';
    expect([await names('/tab_feat.html'), await names('/tab_sessions.html')]).toEqual([[told, told], [told]]);
    expect(await shown()).toEqual(['Zeichensaal },{ & /*']);
    expect(JSON.parse(await site.api('GET', '/api/v1/keys'))).toMatchObject([{ key, name: 'Zeichensaal },{ & /*' }]);
    const refused = await site.ask('PUT', '/api/v1/keys/77/name', '{"name":"x"}', { 'content-type': 'application/json' });
    expect(JSON.parse(refused.text)).toMatchObject({ code: 18 });
    const dark = await site.ask('POST', `/api/v1/keys/${key}/blink`, '{"on":true}', { 'content-type': 'application/json' });
    expect(JSON.parse(dark.text)).toMatchObject({ code: 16 });
    const acts = JSON.parse(await site.api('GET', '/api/v1/audit?kind=administration&limit=10')) as {
      detail: { act: string; status: number };
    }[];
    expect(acts.map(({ detail: { act, status } }) => [act, status])).toEqual(
      expect.arrayContaining([
        [`PUT /api/v1/keys/${key}/name`, 0],
        ['PUT /api/v1/keys/77/name', 18],
        [`POST /api/v1/keys/${key}/blink`, 16],
      ]),
    );
    await site.api('PUT', `/api/v1/keys/${key}/name`, { name: '' });
    expect(JSON.parse(await site.api('GET', '/api/v1/keys'))[0]).not.toHaveProperty('name');
  });

  it('lead people to the Admin Control Center, and give files', async () => {
    const site = await startCompatSite();
    const key = await site.license();
    const places = {
      'index.html': '/',
      'devices.html': '/#/keys',
      'products.html': '/#/products',
      'features.html': '/#/features',
      'sessions.html': '/#/sessions',
      'checkin.html': '/#/update',
      'log.html': '/#/log',
      'config.html': '/#/configuration',
      'diag.html': '/#/diagnostics',
      'diagnostics.html': '/#/diagnostics',
      'help.html': '/#/help',
      'about.html': '/#/about',
      [`features.html?haspid=${key}`]: `/#/features?key=${key}`,
      'sessions.html?haspid=0': '/#/sessions',
      'sessions.html?haspid=1%0d%0aSet-Cookie:x': '/#/sessions',
      'devices.html?haspid=1': '/#/keys',
    };
    for (const [name, location] of Object.entries(places))
      for (const prefix of ['/', '/_int_/'])
        expect(await site.ask('GET', `${prefix}${name}`)).toMatchObject({
          code: 302,
          headers: { location, server: expect.stringMatching(/^HASP LM\/\S+$/) },
        });
    expect(await site.ask('GET', '/_int_/')).toMatchObject({ code: 302, headers: { location: '/' } });
    expect(await site.ask('GET', '/sentinel/ldk/v1/healthz')).toMatchObject({ code: 200, text: '{"status":"ok"}' });
    const c2v = await site.ask('GET', `/download/my.c2v?${key}`);
    expect(c2v.text).toContain('<?xml');
    expect(site.vendor.issue(c2v.text)).toContain('V2C');
    expect((await site.ask('GET', '/download/my.fp?7')).text).toMatch(/^<\?xml[\s\S]*host_fingerprint/);
    expect((await site.ask('GET', '/download/my.c2v?1')).code).toBe(404);
    expect((await site.ask('GET', '/download/my.fp?8')).code).toBe(404);
    expect((await site.ask('GET', '/download/my.fp')).code).toBe(404);
  });
});

describe('the peak of a feature (field-facts 2.1)', () => {
  it('is the most seats at once since the license manager began, in the feed and in the admin API', async () => {
    const site = await startCompatSite();
    await site.license();
    const { identity, secret } = JSON.parse(await site.api('POST', '/api/v1/identities', { issuedTo: 'a test' }));
    const client = createRestClient({ port: site.port, identity: identity.id, secret, vendor: 7 });
    const counts = async () => {
      const [first] = readers['tool7']?.((await site.ask('GET', '/tab_feat.html')).text) ?? [];
      const [feature] = JSON.parse(await site.api('GET', '/api/v1/features')) as { seats: { used: number; peak: number } }[];
      expect([String(feature?.seats.used), String(feature?.seats.peak)]).toEqual([first?.['logc'], first?.['logp']]);
      return [first?.['logc'], first?.['logp']];
    };
    expect(await counts()).toEqual(['0', '0']);
    const sessions = [];
    for (const processId of [1, 2]) sessions.push(String((await client.login(42, { clientInfo: { processId } })).json['sessionId']));
    expect(await counts()).toEqual(['2', '2']);
    for (const session of sessions) await client.logout(session);
    expect(await counts()).toEqual(['0', '2']);
    await client.login(42, { clientInfo: { processId: 3 } });
    expect(await counts()).toEqual(['1', '2']);
  });
});

describe('settings by a script', () => {
  const block =
    'config\naccesstoremote=0\nbroadcastsearch=0\naccessfromremote_local=1\naccessfromremote_secure=0\naccessfromremote_split=0\naccessfromremote_remote=0\n/config\n';
  const checked = (page: string): string[] => [...page.matchAll(/<input type=\w+ id=(\w+) [^>]*checked>/g)].map(([, id = '']) => id);

  it('are written into the file, and hold when they are read back', async () => {
    const site = await startCompatSite('; a comment\n');
    expect(checked((await site.ask('GET', '/conf_to.html')).text)).toEqual(['accesstoremote']);
    expect(checked((await site.ask('GET', '/_int_/conf_from.html')).text)).toEqual(['accessfromremote_remote']);
    const reply = await site.ask('POST', '/action.html', block, { 'content-type': 'text/plain; charset=utf-8' });
    expect([reply.code, reply.text]).toEqual([200, expect.stringContaining('<code>0</code>')]);
    expect(checked((await site.ask('GET', '/conf_to.html')).text)).toEqual([]);
    expect(checked((await site.ask('GET', '/conf_from.html')).text)).toEqual(['accessfromremote_local']);
    expect(await site.ini()).toContain('; a comment');
    expect(
      (
        await site.ask('POST', '/_int_/action.html', 'config\nserverlist\n192.0.2.1\n/serverlist\n/config', {
          'content-type': 'text/plain',
        })
      ).code,
    ).toBe(200);
    expect((await site.ask('GET', '/_int_/config_to.html')).text).toContain('192.0.2.1');
  });

  it('are refused from pages of other origins, without the password where one is set, and where they are none', async () => {
    const site = await startCompatSite();
    const before = await site.ini();
    const plain = { 'content-type': 'text/plain' };
    for (const headers of [
      { origin: 'http://evil.example' },
      { origin: 'null' },
      { 'sec-fetch-site': 'cross-site' },
      { 'sec-fetch-site': 'same-site' },
      { host: 'evil.example' },
    ])
      for (const [path, body] of [
        ['/action.html', block],
        ['/_int_/action.html', 'deletelogin=00'],
        ['/checkin_file.html', 'x'],
      ] as const)
        expect((await site.ask('POST', path, body, { ...plain, ...headers })).code).toBe(403);
    expect((await site.ask('POST', '/action.html', 'config\npassacc=1\n/config', plain)).code).toBe(400);
    await site.api('PUT', '/api/v1/password', { password: 'correct horse' });
    expect((await site.ask('POST', '/action.html', block, plain)).code).toBe(401);
    expect(await site.ini()).toBe(before);
    const basic = { authorization: `Basic ${Buffer.from('admin:correct horse').toString('base64')}` };
    expect((await site.ask('POST', '/action.html', block, { ...plain, ...basic })).code).toBe(200);
    expect(await site.ini()).not.toBe(before);
  });

  it('make a new LM id only where that is switched on, and not for a browser', async () => {
    const off = await startCompatSite();
    expect((await off.ask('GET', '/action.html?Create_new_lmid')).code).toBe(403);
    const site = await startCompatSite('[COMPAT]\nnew_lm_id_by_get = 1\n');
    const id = async () => /"srvguid":"([A-Za-z0-9+/]{40})"/.exec((await site.ask('GET', '/_int_/tab_diag2.html')).text)?.[1];
    const before = await id();
    expect(before).toBeDefined();
    for (const headers of [{ 'sec-fetch-mode': 'no-cors' }, { 'sec-fetch-site': 'none' }, { referer: `http://localhost:${site.port}/` }])
      expect((await site.ask('GET', '/action.html?Create_new_lmid', '', headers)).code).toBe(403);
    expect((await site.ask('GET', '/action.html')).code).toBe(400);
    expect(await id()).toBe(before);
    expect(await site.ask('GET', '/action.html?Create_new_lmid')).toMatchObject({
      code: 200,
      text: expect.stringContaining('<code>0</code>'),
    });
    expect(await id()).not.toBe(before);
  });
});
