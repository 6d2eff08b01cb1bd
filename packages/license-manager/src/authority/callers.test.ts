import { Buffer } from 'node:buffer';
import { decodeGrant } from '@keyhaven/core/session';
import { describe, expect, it } from 'vitest';
import { createAccess, rulesOf } from '../access/index.ts';
import type { Seen } from '../callers/index.ts';
import { connectApplication, createSite, localParty, someone } from './site.testing.ts';

// 12.5, 12.6: seats go by what is known of the other end of a connection, and not by what the application says.

const features = [
  { id: 10, seats: 9 },
  { id: 12, seats: 2, count: 'process' },
  { id: 13, seats: 2, count: 'station' },
  { id: 15, seats: 9, network: false },
] as const;
const open = async (users: readonly string[] = [], remoteClients: 'none' | 'all' = 'all') => {
  const site = await createSite({ access: createAccess(rulesOf({ users, clients: [], remoteClients })) });
  const key = await site.licensed({ features: [...features] });
  let questions = 0;
  const connect = (seen: Seen | undefined) =>
    connectApplication(site, key, {
      ...localParty(1, 0),
      ...(seen === undefined
        ? {}
        : {
            caller: {
              async seen() {
                questions += 1;
                return seen;
              },
            },
          }),
    });
  const used = (feature: number) => site.authority.used({ key: key.identity.id, product: 1, feature });
  return { site, connect, used, asked: () => questions };
};
const process = (unit: string): Seen => ({ unit, forwarded: false });
const forwarded = (unit: string): Seen => ({ unit, forwarded: true });

describe('seats by process', () => {
  it('are shared by the connections of one process, and by nothing that says the same', async () => {
    const { connect, used } = await open();
    for (const seen of [process('100.5'), process('100.5')]) expect((await connect(seen).login(12)).status).toBe(0);
    expect(used(12)).toBe(1);
    expect((await connect(process('?aa')).login(12)).status).toBe(0);
    expect((await connect(process('?bb')).login(12)).status).toBe(38);
  });

  it('stay with an application that comes back on another connection and shows the token of its session', async () => {
    const { connect, used } = await open();
    const first = connect(process('?aa'));
    const { session, token } = decodeGrant((await first.login(12)).body);
    first.channel.close();
    const again = connect(process('?bb'));
    expect((await again.call({ kind: 'resume', session, token: Buffer.from(token), application: someone })).status).toBe(0);
    expect((await again.login(12)).status).toBe(0);
    expect(used(12)).toBe(1);
  });

  it('are asked for where they count, and for a login that counts by itself nothing is', async () => {
    const { connect, asked } = await open();
    const application = connect(process('100.5'));
    for (let logins = 0; logins < 3; logins += 1) await application.login(10);
    expect(asked()).toBe(0);
    for (let logins = 0; logins < 3; logins += 1) await application.login(12);
    expect(asked()).toBe(1);
  });
});

describe('an application that came through another process', () => {
  it('is not on this computer: no feature of this computer alone, and no share in the seat of the station', async () => {
    const { connect, used } = await open();
    expect((await connect(process('100.5')).login(13)).status).toBe(0);
    const elsewhere = connect(forwarded('?aa'));
    const refused = await elsewhere.login(15);
    expect([refused.status, Buffer.from(refused.body).toString()]).toEqual([
      5,
      expect.stringMatching(/through another process, such as a TCP forward/),
    ]);
    expect((await elsewhere.login(13)).status).toBe(0);
    expect(used(13)).toBe(2);
    expect((await connect(forwarded('?bb')).login(13)).status).toBe(38);
    expect((await connect(process('200.5')).login(15)).status).toBe(0);
  });

  it('is another computer to the rules: where none may come, and where rules speak of this one', async () => {
    const closed = await open([], 'none');
    expect((await closed.connect(forwarded('?aa')).login(10)).status).toBe(5);
    expect((await closed.connect(process('100.5')).login(10)).status).toBe(0);
    const own = await open(['allow=*,lm:local', 'deny=*']);
    expect((await own.connect(forwarded('?aa')).login(10, { application: someone })).status).toBe(53);
    expect((await own.connect(process('100.5')).login(10)).status).toBe(0);
  });
});
