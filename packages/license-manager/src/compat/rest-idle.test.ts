import { expect, it } from 'vitest';
import { parseIniSettings } from '../configuration/ini-settings.ts';
import { parseSettings } from '../settings.ts';
import { startSite } from './rest-site.testing.ts';

// `rest.idleSeconds` (C6, field-facts 1.7): how long a client of the REST licensing API may be silent.

const minutes = (count: number): number => count * 60_000;

it('is changed while sessions run, told to their clients and held', async () => {
  const { local, clock, issue, sessions } = await startSite();
  const { client } = await issue();
  const login = await client.login(42);
  expect(login.json).toMatchObject({ sessionInfo: { idleTimeout: 900 } });
  const longer = parseSettings('[rest]\nidleSeconds = 7200', { port: local.port, name: 'test-lm' });
  expect(local.lm.reconfigure(longer).now).toContain('rest.idleSeconds');
  clock.advance(minutes(119));
  expect(await sessions()).toHaveLength(1);
  expect(await client.refresh(String(login.json['sessionId']))).toMatchObject({ code: 200, json: { sessionInfo: { idleTimeout: 7_200 } } });
  expect(local.lm.reconfigure(parseSettings('', { port: local.port, name: 'test-lm' })).now).toContain('rest.idleSeconds');
  clock.advance(minutes(17));
  expect(await sessions(), 'the shorter one holds for the sessions there are').toEqual([]);
});

it('is not cut by the limit for applications, which may be the shorter one', async () => {
  const { clock, issue, sessions } = await startSite('sessionIdleMinutes = 20\n[rest]\nidleSeconds = 9000000');
  const { client } = await issue();
  expect((await client.login(42)).json).toMatchObject({ sessionInfo: { idleTimeout: 9_000_000 } });
  clock.advance(minutes(60));
  expect(await sessions()).toHaveLength(1);
});

it('has the bounds of the field: an ini file is brought into them, TOML is refused', () => {
  const ofIni = (text: string): number => parseIniSettings(`[SERVER]\nKeepAliveTimeout = ${text}\n`, 'a.ini').settings.rest.idleSeconds;
  expect(['0', '899', '900', '9000000', '9000001'].map(ofIni)).toEqual([900, 900, 900, 9_000_000, 9_000_000]);
  for (const text of ['899', '9000001', '"900"', '1000.5'])
    expect(() => parseSettings(`[rest]\nidleSeconds = ${text}`), text).toThrow(/rest\.idleSeconds/);
});
