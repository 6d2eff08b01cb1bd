import { describe, expect, it } from 'vitest';
import { createComputerClock, createNet, product, settle } from '../protection/lms.testing.ts';

// Addresses of which nothing is known (R2): whoever answers there proves who he is, and is then a peer like any other.

const at = (host: string) => ({ host, port: 1947 });

describe('a look at an address', () => {
  it('finds the LM there by its proven identity, and its keys are used', async () => {
    const { clock } = createComputerClock();
    const net = createNet(clock);
    const [here, there] = [await net.start({ host: 'a', seed: 1 }), await net.start({ host: 'b', seed: 2 })];
    await there.license([product(1, { type: 'perpetual' })]);
    expect(await here.lm.peers.look(at('b'))).toBe(there.guid);
    await settle();
    expect(here.lm.peers.get(there.guid)?.state).toBe('linked');
    expect((await here.find(10)).candidates).toHaveLength(1);
  });

  it('finds nothing where nobody answers, where something else answers, and where this LM itself does', async () => {
    const { clock } = createComputerClock();
    const net = createNet(clock);
    const here = await net.start({ host: 'a', seed: 1 });
    const forged = { hello: () => 'AAAA', confirm: () => '', exchange: async () => '', listen: async () => '' };
    net.answerers.set('forged', forged);
    net.answerers.set('nothing', { ...forged, hello: () => '<html>' });
    for (const host of ['nowhere', 'forged', 'nothing', 'a']) expect(await here.lm.peers.look(at(host)), host).toBeUndefined();
    expect(here.lm.peers.all()).toEqual([]);
  });

  it('does not believe the answer of another LM that is passed on with a changed identity', async () => {
    const { clock } = createComputerClock();
    const net = createNet(clock);
    const [here, there] = [await net.start({ host: 'a', seed: 1 }), await net.start({ host: 'b', seed: 2 })];
    const real = net.answerers.get('b');
    if (real === undefined) throw new Error('nobody');
    net.answerers.set('between', {
      ...real,
      hello(body, from) {
        const answer = Buffer.from(real.hello(body, from), 'base64url');
        // A byte of the public key.
        answer[12] = (answer[12] ?? 0) ^ 1;
        return answer.toString('base64url');
      },
    });
    expect(await here.lm.peers.look(at('between'))).toBeUndefined();
    expect(await here.lm.peers.look(at('b'))).toBe(there.guid);
  });

  it('asks nobody again who is linked there already, and one address once at a time', async () => {
    const { clock } = createComputerClock();
    const net = createNet(clock);
    const [here, there] = [await net.start({ host: 'a', seed: 1 }), await net.start({ host: 'b', seed: 2 })];
    const real = net.answerers.get('b');
    if (real === undefined) throw new Error('nobody');
    let hellos = 0;
    const hello = (body: string, from: string): string => {
      hellos += 1;
      return real.hello(body, from);
    };
    net.answerers.set('b', { ...real, hello });
    expect(await Promise.all([here.lm.peers.look(at('b')), here.lm.peers.look(at('b'))])).toEqual([there.guid, there.guid]);
    await settle();
    expect(hellos, 'one to know who is there, one for the link').toBe(2);
    expect(await here.lm.peers.look(at('b'))).toBe(there.guid);
    await settle();
    expect(hellos).toBe(2);
  });

  it('has a bound on the addresses asked at a time', async () => {
    const { clock } = createComputerClock();
    const net = createNet(clock);
    const here = await net.start({ host: 'a', seed: 1 });
    let asked = 0;
    for (let index = 0; index < 100; index += 1) {
      net.answerers.set(`h${index}`, {
        hello() {
          asked += 1;
          throw new Error('busy');
        },
        confirm: () => '',
        exchange: async () => '',
        listen: async () => '',
      });
    }
    await Promise.all(Array.from({ length: 100 }, (_, index) => here.lm.peers.look(at(`h${index}`))));
    expect(asked).toBe(64);
  });
});

describe('an LM that is known, and has a new LM id', () => {
  it('is found again by itself: whoever proves to be where it was is a peer like any other (R5)', async () => {
    const { clock, pass } = createComputerClock();
    const net = createNet(clock);
    const [here, before] = [await net.start({ host: 'a', seed: 1 }), await net.start({ host: 'b', seed: 2 })];
    await before.license([product(1, { type: 'perpetual' })]);
    await net.meet(here, before);
    expect((await here.find(10)).candidates).toHaveLength(1);
    await before.stop();
    const after = await net.start({ host: 'b', seed: 3, ledger: before.ledger });
    expect(after.guid).not.toBe(before.guid);
    // No discovery and no search: it looks for the one that it knew.
    here.lm.peers.changed(before.guid);
    await pass(10_000, 500);
    expect(here.lm.peers.get(after.guid)?.state).toBe('linked');
    expect(here.lm.peers.get(before.guid)?.state).not.toBe('linked');
    expect((await here.find(10)).candidates).toHaveLength(1);
  });
});
