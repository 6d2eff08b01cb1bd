import { Buffer } from 'node:buffer';
import { LicensingError } from '@keyhaven/core/errors';
import { expect, it } from 'vitest';
import { connectApplication } from '../authority/site.testing.ts';
import { createSimulatedClock } from '../simulated-clock.testing.ts';
import { startComputer, vendor } from './computers.testing.ts';

// Memory files where a license is lent or a key moves (K3, K5), and where updates then go (44).

const features = [{ id: 42, detachable: true }];
const memory = {
  readWrite: 64,
  readOnly: 32,
  dynamic: [
    { id: 1, size: 9_000, access: 'rw' as const },
    { id: 2, size: 16, access: 'rwo' as const },
    { id: 3, size: 16, access: 'rwo' as const },
  ],
};
const prepare = async () => {
  const clock = createSimulatedClock();
  const [office, boat] = [await startComputer(clock, 1), await startComputer(clock, 2)];
  const key = await office.license({ features, certificate: { rehost: true, memory } });
  const application = connectApplication(office, key);
  await application.login(42);
  const write = (file: number, offset: number, text: string) =>
    application.call({ kind: 'write', handle: 1, file, offset, data: Buffer.from(text) });
  expect((await write(1, 8_990, 'at the end')).status).toBe(0);
  expect((await write(2, 0, 'once')).status).toBe(0);
  await application.call({ kind: 'logout', handle: 1 });
  return { clock, office, boat, key };
};
const at = async (computer: Awaited<ReturnType<typeof startComputer>>, key: Awaited<ReturnType<typeof prepare>>['key']) => {
  const application = connectApplication(computer, key);
  await application.login(42);
  return {
    read: async (file: number, offset: number, length: number) =>
      Buffer.from((await application.call({ kind: 'read', handle: 1, file, offset, length })).body).toString(),
    write: async (file: number, text: string) =>
      (await application.call({ kind: 'write', handle: 1, file, offset: 0, data: Buffer.from(text) })).status,
  };
};
const statusOf = (work: Promise<unknown>): Promise<number> =>
  work.then(
    () => 0,
    (error: unknown) => (error instanceof LicensingError ? error.status : -1),
  );

it('move with their key, and what was written once stays written; the place it left refuses updates with 44', async () => {
  const { clock, office, boat, key } = await prepare();
  const moved = await boat.apply(await office.transfers.rehost(key.identity.id, await boat.id()));
  const there = await at(boat, moved);
  expect([await there.read(1, 8_990, 10), await there.read(2, 0, 4)]).toEqual(['at the end', 'once']);
  expect([await there.write(2, 'more'), await there.write(3, 'new'), await there.write(3, 'more')]).toEqual([5, 0, 5]);
  // Nothing of its memory stays behind.
  const left: string[] = [];
  for await (const [name] of office.ledger.scan(`${key.identity.id}/memory/`)) left.push(name);
  expect(left).toEqual([]);
  const again = boat.keystore.get(key.identity.id) ?? moved;
  const v2c = vendor.license(await boat.keystore.state(again, 'boat', clock.wall()), { features, certificate: { memory } });
  expect(await statusOf(office.authority.apply(v2c))).toBe(44);
  expect(await statusOf(boat.authority.apply(v2c))).toBe(0);
});

it('go along with a lent license as they are, and the copy takes no updates of the vendor (44)', async () => {
  const { clock, office, boat, key } = await prepare();
  const child = await boat.apply(await office.detach(key, await boat.id()));
  const there = await at(boat, child);
  expect([await there.read(1, 8_990, 10), await there.read(2, 0, 4)]).toEqual(['at the end', 'once']);
  expect(await there.write(2, 'more')).toBe(5);
  expect(await there.write(1, 'mine')).toBe(0);
  expect(await (await at(office, key)).read(1, 0, 4)).toBe('\0\0\0\0');
  const v2c = vendor.license(await boat.keystore.state(child, 'boat', clock.wall()), { features, certificate: { memory } });
  expect(await statusOf(boat.authority.apply(v2c))).toBe(44);
});
