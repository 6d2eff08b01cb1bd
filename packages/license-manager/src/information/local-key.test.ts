import { Buffer } from 'node:buffer';
import { fingerprintOf } from '@keyhaven/core/fingerprint';
import { parseInfoData } from '@keyhaven/core/format';
import { DAY } from '@keyhaven/core/time';
import { ASK } from '@keyhaven/core/wire';
import { expect, it } from 'vitest';
import { createComputerClock, createNet, product, settle, tower, vendor } from '../protection/lms.testing.ts';

const world = async () => {
  const computer = createComputerClock();
  const lm = await createNet(computer.clock).start({ host: 'a', seed: 1 });
  const ask = async (wanted: number) => {
    const { publicKey: vendorKey } = vendor.code;
    const parts = lm.lm.local.ask({ request: 1, vendor: vendor.code.vendor, vendorKey, wanted, scope: '' }, undefined);
    await settle();
    await computer.pass(2_000);
    const [told] = parseInfoData(Buffer.concat(await parts).toString('utf8')).licenseManagers;
    return told;
  };
  return { ...computer, lm, ask };
};

it('tells what is over by the license time, not by a clock set back (K6)', async () => {
  const { lm, ask, clock, pass, setBack } = await world();
  await lm.license([product(1, { type: 'expiration', until: new Date(clock.wall() + 20 * DAY).toISOString().replace('.000', '') })]);
  const feature = async () => (await ask(0))?.vendors[0]?.keys[0]?.products[0]?.features[0];
  expect(await feature()).toMatchObject({ expired: false, usable: true });
  await pass(30 * DAY, DAY);
  setBack(25 * DAY);
  expect(await feature()).toMatchObject({ expired: true, usable: false });
});

it('tells what this computer is recognised by only where that is asked for, salted for the vendor (K6)', async () => {
  const { lm, ask } = await world();
  await lm.license([product(1, { type: 'perpetual' })]);
  expect(await ask(ASK.sessions)).not.toHaveProperty('hostFingerprints');
  const fingerprint = fingerprintOf(tower('disk 1', 'board 1'), vendor.code.publicKey);
  const base64 = Buffer.from(JSON.stringify(fingerprint)).toString('base64');
  expect((await ask(ASK.fingerprint))?.hostFingerprints).toMatchObject([
    { type: 'SL-AdminMode', vendor: String(vendor.code.vendor), base64 },
  ]);
});
