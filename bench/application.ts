// One application process of P2. Says `ready`, waits for a line on stdin, then logs in and out until its time is over and says how often.
//   node bench/application.ts open|fresh HOST:PORT VENDOR_CODE FEATURE SECONDS

import { createInterface } from 'node:readline';
import { createLicensing } from '@keyhaven/licensing-api/licensing';
import { lmAddressFrom, ownIdentity, systemEntropy } from '../packages/licensing-api/src/environment.ts';

const [mode = '', lm = '', vendorCode = '', feature = '', seconds = ''] = process.argv.slice(2);
const address = lmAddressFrom(lm);
const identity = ownIdentity();
const options = { vendorCode, feature: Number(feature) };

const shared = createLicensing(address, identity, systemEntropy);
const openOnce = async (): Promise<void> => {
  const session = await shared.login(options);
  await session.logout();
};
const freshOnce = async (): Promise<void> => {
  const own = createLicensing(address, identity, systemEntropy);
  const session = await own.login(options);
  await session.logout();
  own.close();
};
const once = mode === 'open' ? openOnce : freshOnce;

await once();
process.stdout.write('ready\n');
for await (const _line of createInterface({ input: process.stdin })) break;
const until = performance.now() + Number(seconds) * 1_000;
let count = 0;
while (performance.now() < until) {
  await once();
  count += 1;
}
process.stdout.write(`${count}\n`);
shared.close();
process.exit(0);
