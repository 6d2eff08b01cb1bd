import { MINUTE, SECOND } from '@keyhaven/core/time';
import { parseClientRules } from '@keyhaven/core/users';
import { describe, expect, it } from 'vitest';
import { createSimulatedClock } from '../simulated-clock.testing.ts';
import { openRunningRules } from './running-rules.ts';

const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 10; turn += 1) await new Promise((done) => setImmediate(done));
};
const rules = (...clients: string[]) => ({ users: [], clients: parseClientRules(clients).rules });
const nobody = (code = 'ENOTFOUND') => Object.assign(new Error(code), { code });

const setUp = () => {
  const clock = createSimulatedClock();
  const has = new Map<string, readonly string[] | Error | Promise<readonly string[]>>();
  const asked: string[] = [];
  const told: string[] = [];
  const options = {
    clock,
    resolve: async (name: string) => {
      asked.push(name);
      const found = await has.get(name);
      if (found instanceof Error || found === undefined) throw found ?? nobody();
      return found;
    },
    onNobody: (name: string) => void told.push(name),
  };
  return { clock, has, asked, told, options };
};

describe('computers that rules name (R9)', () => {
  it('have their addresses before the first question, and others when these change', async () => {
    const { clock, has, asked, options } = setUp();
    has.set('pc-7', ['10.0.0.7']);
    const running = await openRunningRules({ ...options, rules: rules('allow=PC-7', 'allow=pc-*', 'deny=*') });
    expect(asked).toEqual(['pc-7']);
    expect(running.addressesOf('pc-7')).toEqual(['10.0.0.7']);
    has.set('pc-7', ['10.0.0.8']);
    clock.advance(5 * MINUTE);
    await settle();
    expect(running.addressesOf('pc-7')).toEqual(['10.0.0.8']);
    running.close();
    clock.advance(60 * MINUTE);
    expect(asked).toHaveLength(2);
  });

  it('are nobody where the name has no address, which is told once until it has one again', async () => {
    const { clock, has, told, options } = setUp();
    const running = await openRunningRules({ ...options, rules: rules('allow=pc-7', 'deny=*') });
    expect(running.addressesOf('pc-7')).toEqual([]);
    for (let minute = 0; minute < 10; minute += 1) {
      clock.advance(MINUTE);
      await settle();
    }
    expect(told).toEqual(['pc-7']);
    has.set('pc-7', ['10.0.0.7']);
    clock.advance(MINUTE);
    await settle();
    expect(running.addressesOf('pc-7')).toEqual(['10.0.0.7']);
    has.set('pc-7', nobody());
    clock.advance(5 * MINUTE);
    await settle();
    expect(running.addressesOf('pc-7')).toEqual([]);
    expect(told).toEqual(['pc-7', 'pc-7']);
  });

  it('keep their addresses while the name servers do not answer', async () => {
    const { clock, has, told, options } = setUp();
    has.set('pc-7', ['10.0.0.7']);
    const running = await openRunningRules({ ...options, rules: rules('allow=pc-7', 'deny=*') });
    has.set('pc-7', nobody('EAI_AGAIN'));
    clock.advance(5 * MINUTE);
    await settle();
    expect(running.addressesOf('pc-7')).toEqual(['10.0.0.7']);
    expect(told).toEqual(['pc-7']);
  });

  it('hold up a start for three seconds at most, and new rules until they are known', async () => {
    const { clock, has, options } = setUp();
    has.set('slow', new Promise(() => undefined));
    const opening = openRunningRules({ ...options, rules: rules('deny=slow') });
    await settle();
    clock.advance(3 * SECOND);
    const running = await opening;
    const applied: string[] = [];
    const change = (...lines: string[]): void =>
      running.change(rules(...lines), ({ clients }) => void applied.push(clients[0]?.line ?? ''));
    change('deny=10.*');
    expect(applied, 'without names at once').toEqual(['deny=10.*']);
    has.set('pc-7', ['10.0.0.7']);
    change('allow=pc-7');
    expect(applied).toEqual(['deny=10.*']);
    await settle();
    expect(applied).toEqual(['deny=10.*', 'allow=pc-7']);
    change('deny=slow');
    change('deny=11.*');
    clock.advance(3 * SECOND);
    await settle();
    expect(applied, 'what was changed again meanwhile never held').toEqual(['deny=10.*', 'allow=pc-7', 'deny=11.*']);
  });

  it('are looked up two at a time, however many there are', async () => {
    const { options } = setUp();
    let [now, most] = [0, 0];
    const resolve = async (): Promise<readonly string[]> => {
      now += 1;
      most = Math.max(most, now);
      await new Promise((done) => setImmediate(done));
      now -= 1;
      return ['10.0.0.1'];
    };
    const names = Array.from({ length: 40 }, (_, index) => `deny=pc-${index}`);
    (await openRunningRules({ ...options, resolve, rules: rules(...names) })).close();
    expect(most).toBe(2);
  });
});
