import { describe, expect, it } from 'vitest';
import { createSearchNames } from './search-names.ts';

// R1, R2: names among the search parameters; issue 5 "a name that resolves to nothing, to loopback or to itself".

const searching = (answers: Record<string, readonly string[] | Error>, ipv6 = true) => {
  const told: string[] = [];
  const resolve = createSearchNames({
    ipv6,
    onTrouble: (name, trouble) => void told.push(`${name}: ${trouble}`),
    own: () => new Set(['10.0.0.1', 'fe80::1']),
    async resolve(name) {
      const answer = answers[name] ?? new Error('ENOTFOUND');
      if (answer instanceof Error) throw answer;
      return answer;
    },
  });
  return { told, resolve, answers };
};

describe('a host name of the search', () => {
  it('has its addresses, and nothing is told of it', async () => {
    const { told, resolve } = searching({ keys: ['10.0.0.9', 'fd00::9'] });
    expect(await resolve('keys')).toEqual(['10.0.0.9', 'fd00::9']);
    expect(told).toEqual([]);
  });

  it.each([
    ['nothing', new Error('ENOTFOUND'), 'it has no address'],
    ['an empty list', [], 'it has no address'],
    ['loopback', ['127.0.0.1', '::1'], 'it is a name of this computer itself'],
    ['this computer itself', ['10.0.0.1', 'fe80::1%eth0'], 'it is a name of this computer itself'],
  ])('that resolves to %s is told once, however often it is looked up', async (_, answer, trouble) => {
    const { told, resolve } = searching({ keys: answer });
    for (let round = 0; round < 5; round += 1) await resolve('keys').catch(() => undefined);
    expect(told).toEqual([`keys: ${trouble}`]);
  });

  it('is told again when it was well meanwhile, or something else is wrong', async () => {
    const { told, resolve, answers } = searching({ keys: ['127.0.0.1'] });
    for (const next of [[], ['10.0.0.9'], ['10.0.0.1']]) {
      await resolve('keys');
      answers['keys'] = next;
    }
    await resolve('keys');
    expect(told).toEqual([
      'keys: it is a name of this computer itself',
      'keys: it has no address',
      'keys: it is a name of this computer itself',
    ]);
  });

  it('with a thousand addresses is asked at 64 of them', async () => {
    const { told, resolve } = searching({ keys: Array.from({ length: 1_000 }, (_, index) => `10.1.${index >> 8}.${index & 255}`) });
    expect(await resolve('keys')).toHaveLength(64);
    expect(told).toEqual(['keys: it has 1000 addresses; 64 of them are asked']);
  });

  it('has no addresses of IPv6 where that is off', async () => {
    const { told, resolve } = searching({ keys: ['10.0.0.9', 'fd00::9'], six: ['fd00::9'] }, false);
    expect(await resolve('keys')).toEqual(['10.0.0.9']);
    expect(await resolve('six')).toEqual([]);
    expect(told).toEqual(['six: it has addresses of IPv6 only, which is off']);
  });
});
