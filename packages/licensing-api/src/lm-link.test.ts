import { LicensingError, Status } from '@keyhaven/core/errors';
import { describe, expect, it } from 'vitest';
import { systemEntropy } from './environment.ts';
import { testLimit, testTime } from './limits.testing.ts';
import type { LmConnection } from './lm-connection.ts';
import { createLmLink, type LinkUser } from './lm-link.ts';

// T3 and S22: what becomes of a link whose connection is lost, with a connection that carries nothing.

const lost = new LicensingError(Status.LOCAL_COMM_ERR, { detail: 'It was killed' });
const candidate = { key: '1', product: 1, licenseManager: { guid: 'g', hostname: 'h', address: '127.0.0.1', kind: 'external' } };
const target = { candidate, vendor: { vendor: 7, publicKey: Buffer.alloc(32) } };

const limit = testLimit();

const start = (recovers: boolean) => {
  const said: string[] = [];
  const connections: { close(idle: boolean): void }[] = [];
  const link = createLmLink({
    kind: recovers ? 'admin' : 'external',
    recovers,
    onGone: () => said.push('gone'),
    entropy: systemEntropy,
    time: testTime({ pause: () => Promise.reject(new Error('it waited')) }),
    async connect(onClosed) {
      said.push('connect');
      connections.push({ close: (idle) => onClosed(idle, lost) });
      const nothing = (): void => undefined;
      const never = (): Promise<never> => Promise.race([]);
      const connection: LmConnection = {
        alive: true,
        guid: 'g',
        silence: () => lost,
        answers: async () => true,
        find: never,
        update: never,
        ask: never,
        transfer: never,
        openChannel: () => 1,
        send: nothing,
        closeChannel: nothing,
        retain: nothing,
        release: nothing,
        close: nothing,
      };
      return connection;
    },
  });
  const user: LinkUser = {
    uses: () => true,
    recover: () => said.push('recover'),
    fail: (error) => said.push(`fail ${error.status}`),
    close: () => said.push('close'),
  };
  link.users.add(user);
  return { link, said, connections };
};

describe('a link to a license manager that comes back', () => {
  it('lets its sessions recover, and connects again', async () => {
    const { link, said, connections } = start(true);
    expect(link.connected).toBe(false);
    await link.using(limit, async () => undefined);
    expect(link.connected).toBe(true);
    connections[0]?.close(false);
    await link.using(limit, async () => undefined);
    connections[1]?.close(true);
    expect(said).toEqual(['connect', 'recover', 'connect']);
    expect(link.connected).toBe(false);
  });
});

describe('a link to an External LM', () => {
  it.each([false, true])('that is gone ends its sessions, is told once, and does not start it for their calls (idle: %s)', async (idle) => {
    const { link, said, connections } = start(false);
    await link.using(limit, async () => undefined);
    connections[0]?.close(idle);
    expect(said).toEqual(['connect', 'gone', 'fail 33']);
    await expect(link.using(limit, async () => undefined)).rejects.toBe(lost);
    await expect(link.persist(target, limit, async () => undefined)).rejects.toBe(lost);
    expect(said).toEqual(['connect', 'gone', 'fail 33']);
  });

  it('that cannot be started is not tried again over this link', async () => {
    const said: string[] = [];
    const link = createLmLink({
      kind: 'external',
      recovers: false,
      onGone: () => said.push('gone'),
      entropy: systemEntropy,
      time: testTime(),
      async connect() {
        said.push('connect');
        throw lost;
      },
    });
    await expect(link.using(limit, async () => undefined)).rejects.toBe(lost);
    await expect(link.using(limit, async () => undefined)).rejects.toBe(lost);
    expect(said).toEqual(['connect', 'gone']);
  });
});
