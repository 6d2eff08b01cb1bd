import { closeSync, openSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { createLicensing } from '@keyhaven/licensing-api/licensing';
import { systemEntropy } from '@keyhaven/vendor-tools';
import { createTestVendor, startLocalLm } from '../local-lm/index.ts';
import { LM_CATALOG, MEMORY } from './lm-site.ts';

// Two license managers whose power is cut: an office with a license, a boat that borrows of it. All that they acknowledge is a line in the file of
// acknowledgements, written when the answer was there.

const [root = '', rounds = '4'] = process.argv.slice(2);
const acknowledgements = openSync(join(root, 'acks'), 'a');
const acknowledge = (line: string): void => void writeSync(acknowledgements, `${line}\n`);

const vendor = createTestVendor(LM_CATALOG);
acknowledge(`vendor ${vendor.vendorCode}`);
const start = async (name: string) => {
  const local = await startLocalLm({ stateDirectory: join(root, name) });
  acknowledge(`ready ${name} ${local.lm.guid}`);
  return local;
};
const office = await start('office');
const key = await office.license(vendor);
acknowledge(`license ${key} 1`);
const boat = await start('boat');

const application = { pid: process.pid, start: 0, user: 'test', host: 'test', application: 'power' };
let executions = 0;
let children = 0;
for (let round = 1; round <= Number(rounds); round += 1) {
  const licensing = createLicensing(office.address, application, systemEntropy);
  const held = await licensing.login({ vendorCode: vendor.vendorCode, feature: 42 });
  acknowledge(`granted ${held.id}`);
  await held.write({ file: MEMORY, offset: 0, data: Uint8Array.of(round) });
  acknowledge(`memory ${round}`);
  const counted = await licensing.login({ vendorCode: vendor.vendorCode, feature: 43 });
  executions += 1;
  acknowledge(`executions ${executions}`);
  await counted.consume(3);
  executions += 3;
  acknowledge(`executions ${executions}`);
  await counted.logout();

  const id = await boat.ask('POST', '/api/v1/recipient', {});
  const h2r = await office.ask('POST', '/api/v1/detach', { key, product: 1, recipient: id, duration: 36_000 });
  children += 1;
  acknowledge(`detached ${children}`);
  const { key: child } = JSON.parse(await boat.ask('POST', '/api/v1/apply', h2r)) as { readonly key: string };
  acknowledge(`lent ${child}`);
  if (round % 2 === 0) {
    acknowledge(`returning ${child}`);
    const r2h = await boat.ask('POST', '/api/v1/return', { key: child });
    acknowledge(`returned ${child}`);
    acknowledge(`taking back ${children}`);
    await office.ask('POST', '/api/v1/apply', r2h);
    acknowledge(`taken back ${children}`);
    children -= 1;
  } else {
    const c2v = await office.ask('POST', '/api/v1/c2v', { key });
    const { counter } = { counter: (round + 1) / 2 + 1 };
    await office.ask('POST', '/api/v1/apply', vendor.issue(c2v));
    acknowledge(`license ${key} ${counter}`);
  }
  licensing.close();
  if (round % 2 === 0) {
    await office.restart();
    await boat.restart();
  }
}
closeSync(acknowledgements);
process.kill(process.pid, 'SIGKILL');
