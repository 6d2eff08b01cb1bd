import { toBase64 } from '@keyhaven/core/bytes';
import { privateKeyFrom, sha256 } from '@keyhaven/core/crypto';
import { armor, openDocument, readV2c, signDocument, writeV2c } from '@keyhaven/core/license';
import { createMemoryLedger } from '@keyhaven/ledger';
import { expect, it } from 'vitest';
import { createComputerClock, createNet, product, settle, tower, vendor } from './lms.testing.ts';

const sold = [product(1, { type: 'perpetual' }, { physical: 'PMType1', virtual: 'VMType1' })];

it('an update that is computed from the license of a key that moved leaves it on its new computer, also after a restart (K4, K6)', async () => {
  const { clock } = createComputerClock();
  const net = createNet(clock);
  const from = await net.start({ host: 'from', seed: 1, observe: () => tower('disk 1', 'board 1') });
  const { id } = await from.license(sold, { rehost: true });
  const ledger = createMemoryLedger({ now: () => clock.wall() });
  const begin = () => net.start({ host: 'to', seed: 2, ledger, observe: () => tower('disk 2', 'board 2') });
  let to = await begin();
  await to.lm.apply(await from.lm.transfers.rehost(id, await to.lm.transfers.recipient({ type: 'sl-adminmode' })));
  await settle();

  const license = to.keystore.get(id)?.license;
  if (license === undefined) throw new Error('no license');
  const { products, fingerprint } = license.certificate;
  const whole = vendor.license(await to.keystore.state(to.keystore.get(id) ?? expect.unreachable(), 'to', clock.wall()), {
    features: products.flatMap((each) => each.features.map((feature) => ({ id: feature.id }))),
    certificate: { products, ...(fingerprint === undefined ? {} : { fingerprint }) },
  });
  const computed = { ...readV2c(openDocument('V2C', whole).payload), base: toBase64(sha256(license.document)) };
  const { format, vendor: of, key, counter, certificate, sealed, base } = computed;
  const payload = writeV2c({ format, vendor: of, key, counter, certificate, sealed, base });
  await to.lm.apply(armor('V2C', signDocument('V2C', payload, privateKeyFrom('ed25519', Buffer.alloc(32, 1)))));
  await settle();
  expect([to.keystore.get(id)?.counter, await to.login(1, 10)]).toEqual([2, 'OK']);
  await to.stop();
  to = await begin();
  expect(await to.login(1, 10)).toBe('OK');
});
