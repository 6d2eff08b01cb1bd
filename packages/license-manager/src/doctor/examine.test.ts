import type { HostEvidence } from '@keyhaven/core/doctor';
import { Status } from '@keyhaven/core/errors';
import { lmIdentityFrom } from '@keyhaven/core/link';
import { describe, expect, it } from 'vitest';
import { systemEntropy } from '../machine/index.ts';
import { createSimulatedClock } from '../simulated-clock.testing.ts';
import { createDoctor } from './doctor.ts';
import type { DoctorSurroundings } from './surroundings.ts';

// The bounds of an examination, without a network: every name leads to this computer, to nobody, or is never answered.

const setUp = (resolve: DoctorSurroundings['resolve'], searchAddresses: readonly string[] = []) => {
  const clock = createSimulatedClock();
  const identity = lmIdentityFrom(new Uint8Array(32).fill(1));
  const asked: string[] = [];
  const around: DoctorSurroundings = {
    clock,
    entropy: systemEntropy,
    note: () => undefined,
    identity,
    self: { kind: 'command', name: 'office', port: 1947, found: 'nothing' },
    questions: {
      open(onAnswer) {
        return {
          cookie: 1,
          async ask(to, port, via) {
            asked.push(`${to} ${port} ${via}`);
            if (to === '192.0.2.255') onAnswer({ address: '192.0.2.7', guid: 'other' });
            return to === '198.51.100.255' ? 'EPERM' : undefined;
          },
          close: () => undefined,
        };
      },
    },
    interfaces: () => [
      { name: 'lo', address: '127.0.0.1', family: 4 },
      { name: 'eth0', address: '192.0.2.1', family: 4, broadcast: '192.0.2.255' },
      { name: 'eth1', address: '198.51.100.1', family: 4, broadcast: '198.51.100.255' },
    ],
    networks: () => [],
    resolve,
    known: () => [{ name: 'keys', guid: 'other', address: '192.0.2.7', linked: true }],
    deniedHere: () => undefined,
  };
  return {
    clock,
    asked,
    doctor: createDoctor(
      () => around,
      () => searchAddresses,
    ),
  };
};
const names = (hosts: readonly HostEvidence[]) =>
  hosts.map(({ asked, name }) => `${asked} ${name.kind === 'unresolved' ? name.code : name.kind}`);

describe('an examination', () => {
  it('tells how each host was asked for, in that order; names that are not answered cost three seconds', async () => {
    const { clock, doctor } = setUp(async (name) => {
      if (name === 'nowhere') throw Object.assign(new Error('no'), { code: 'ENOTFOUND' });
      if (name === 'empty') return [];
      return name === 'never'
        ? new Promise(() => undefined)
        : ['127.0.0.1', '127.0.0.1', '127.0.0.2', '127.0.0.3', '127.0.0.4', '127.0.0.5'];
    });
    const examined = doctor.examine({ hosts: ['nowhere', 'empty', 'never:2000', 'here', '127.0.0.9'], broadcast: false });
    clock.advance(3_000);
    const { hosts, broadcasts, self } = await examined;
    expect(names(hosts)).toEqual(['nowhere ENOTFOUND', 'empty ENODATA', 'never:2000 ETIMEDOUT', 'here resolved', '127.0.0.9 address']);
    expect(hosts[3]?.addresses.map(({ address, place }) => `${address} ${place.kind}`)).toEqual(
      [1, 2, 3, 4].map((last) => `127.0.0.${last} own`),
    );
    expect([broadcasts, self.kind]).toEqual([[], 'command']);
  });

  it('is one at a time, of eight hosts at a time and 64 in all', async () => {
    let [now, most] = [0, 0];
    const waiting: (() => void)[] = [];
    const { doctor } = setUp(async () => {
      now += 1;
      most = Math.max(most, now);
      await new Promise<void>((done) => waiting.push(done));
      now -= 1;
      return ['127.0.0.1'];
    });
    const hosts = Array.from({ length: 64 }, (_, index) => `host-${index}`);
    const running = doctor.examine({ hosts, broadcast: false });
    let over = false;
    void running.then(() => (over = true));
    await expect(doctor.examine({ hosts: [], broadcast: false })).rejects.toMatchObject({ status: Status.TMOF });
    while (!over) {
      for (const done of waiting.splice(0)) done();
      await new Promise((turn) => setImmediate(turn));
    }
    expect([most, (await running).hosts.length]).toEqual([8, 64]);
    await expect(doctor.examine({ hosts: [...hosts, 'one more'], broadcast: false })).rejects.toMatchObject({
      status: Status.INVALID_PARAMETER,
    });
    await expect(doctor.examine({ hosts: ['a b'], broadcast: false })).rejects.toMatchObject({ status: Status.INVALID_PARAMETER });
    // And again afterwards.
    expect((await doctor.examine({ hosts: [], broadcast: false })).hosts).toEqual([]);
  });

  it('searches the link of each interface twice, with what came back and what was not sent', async () => {
    const { clock, doctor, asked } = setUp(async () => []);
    const examined = doctor.examine({ hosts: [], broadcast: true });
    await new Promise((turn) => setImmediate(turn));
    clock.advance(1_200);
    expect((await examined).broadcasts).toEqual([
      { interface: 'eth0', family: 4, to: '192.0.2.255', answers: [{ guid: 'other', address: '192.0.2.7' }] },
      { interface: 'eth1', family: 4, to: '198.51.100.255', unsent: 'EPERM', answers: [] },
    ]);
    expect(asked.toSorted()).toEqual([...Array(2).fill('192.0.2.255 1947 eth0'), ...Array(2).fill('198.51.100.255 1947 eth1')]);
  });

  it('without hosts is of those known and of the search parameters, each once, broadcast addresses aside', () => {
    const { doctor } = setUp(async () => [], ['keys.example', '192.0.2.7', '203.0.113.255']);
    expect(doctor.targets()).toEqual(['192.0.2.7', 'keys.example']);
  });
});
