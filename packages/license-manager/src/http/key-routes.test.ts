import { LicensingError, Status } from '@keyhaven/core/errors';
import { afterEach, describe, expect, it } from 'vitest';
import type { HttpFaces } from './faces.ts';
import { ask, launchHttp } from './launch.testing.ts';

const closers: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

const launch = async (more: Partial<HttpFaces> = {}) => {
  const acts: string[] = [];
  const site = await launchHttp({
    nameKey: async (key, name, by) => void acts.push(`${key} ${JSON.stringify(name)} by ${by}`),
    blinkKey: async (key, on) => void acts.push(`${key} ${on}`),
    ...more,
  });
  closers.push(site.close);
  const call = async (method: string, url: string, body: unknown) => {
    const { code, text } = await ask(site.port, method, url, { 'content-type': 'application/json' }, JSON.stringify(body));
    return { code, said: JSON.parse(text) as Record<string, unknown> };
  };
  return { acts, name: (body: unknown, key = '4711') => call('PUT', `/api/v1/keys/${key}/name`, body), call };
};

describe('the name of a key', () => {
  it('has up to 80 characters, without spaces at its ends; empty takes it away', async () => {
    const { acts, name } = await launch();
    const longest = 'ä'.repeat(80);
    for (const [sent, kept] of [
      ['Drawing office', 'Drawing office'],
      ['  Büro 2 ', 'Büro 2'],
      [longest, longest],
      ['<b>\'"&', '<b>\'"&'],
      ['', ''],
      ['   ', ''],
    ])
      expect(await name({ name: sent })).toEqual({ code: 200, said: { key: '4711', name: kept } });
    expect(acts).toEqual(
      ['Drawing office', 'Büro 2', longest, '<b>\'"&', '', ''].map((each) => `4711 ${JSON.stringify(each)} by 127.0.0.1`),
    );
  });

  it.each([
    ['81 characters', { name: 'x'.repeat(81) }],
    ['an end of a line', { name: 'a\nb' }],
    ['NUL', { name: 'a\0b' }],
    ['an escape', { name: 'a\u001b[31mb' }],
    ['a control character of C1', { name: 'a\u009bb' }],
    ['a separator of lines', { name: 'a\u2028b' }],
    ['another direction of writing', { name: 'a\u202eb' }],
    ['half a character', { name: 'a\ud800b' }],
    ['no text', { name: 7 }],
    ['nothing', {}],
    ['another field', { name: 'a', more: 1 }],
  ])('is refused with %s', async (_, body) => {
    const { acts, name } = await launch();
    const { code, said } = await name(body);
    expect([code, typeof said['remedy'], acts]).toEqual([400, 'string', []]);
  });

  it('is of a key, not of whatever stands in the address', async () => {
    const { acts, name } = await launch();
    for (const key of ['0', '..', 'a', '%2e%2e', '1'.repeat(21)]) expect((await name({ name: 'x' }, key)).code).toBeGreaterThanOrEqual(400);
    expect(acts).toEqual([]);
  });
});

describe('the light of a key', () => {
  it('is put on and off, and what has none is refused with 16 and a remedy', async () => {
    const { acts, call } = await launch();
    expect(await call('POST', '/api/v1/keys/4711/blink', { on: true })).toEqual({ code: 200, said: { key: '4711', blinking: true } });
    expect(await call('POST', '/api/v1/keys/4711/blink', { on: false })).toEqual({ code: 200, said: { key: '4711', blinking: false } });
    expect((await call('POST', '/api/v1/keys/4711/blink', { on: 1 })).code).toBe(400);
    expect((await call('POST', '/api/v1/keys/4711/blink', {})).code).toBe(400);
    expect(acts).toEqual(['4711 true', '4711 false']);
    const dark = await launch({ blinkKey: () => Promise.reject(new LicensingError(Status.REQ_NOT_SUPP, { remedy: 'Name it.' })) });
    expect((await dark.call('POST', '/api/v1/keys/4711/blink', { on: true })).said).toMatchObject({ code: 16, remedy: 'Name it.' });
  });
});
