import { dirname } from 'node:path';
import { parseArgs } from 'node:util';
import { parseSettings, startAdminLm } from '@keyhaven/license-manager';
import { openNearLm } from '@keyhaven/license-manager/near';
import { createPorts, createTestDevice } from '../../packages/license-manager/src/devices/device.testing.ts';
import { joinStreams } from '../../packages/license-manager/src/external/standard-streams.ts';
import { createTestVendor } from '../../packages/license-manager/src/keystore/vendor.testing.ts';

// A license manager of a computer into which two protection keys are plugged, made of software: one in the driverless and one in the HASP
// configuration (K7; drivers of real ones come later). As a program it is
//   node seed-device.ts --admin --directory STATE --port PORT        an Admin LM
//   node seed-device.ts --vendor ID --directory STORE                an External LM, as the Licensing API starts one

export const deviceVendor = createTestVendor();
export const FEATURE = 42;
const wish = { features: [{ id: FEATURE, seats: 2 }] };
const driverless = createTestDevice(deviceVendor, { wish });
const hasp = createTestDevice(deviceVendor, { wish, configuration: 'hasp', fill: 0x71 });
/** SL Legacy is for this one, whatever the one that runs the test tells of itself. */
export const computer = { host: 'physical' as const, values: { disk: ['a disk'], board: ['a board'], fqdn: ['here.example'] } };
export const deviceKeys = { driverless: driverless.id, hasp: hasp.id };

/** The computer with both. */
export const plugged = () => {
  const ports = createPorts();
  for (const { device } of [driverless, hasp]) ports.plug(device);
  return ports.source;
};

const serveApplication = async (vendor: number, directory: string): Promise<void> => {
  const lm = await openNearLm({ kind: 'external', vendor, directory, devices: plugged() });
  const application = joinStreams(process.stdin, process.stdout);
  application.once('close', () => void lm.close().then(() => process.exit(0)));
  lm.serve(application);
};
const serveComputer = async (port: number, stateDirectory: string): Promise<void> => {
  const settings = parseSettings('', { bind: ['127.0.0.1'], port, name: 'devices', search: { broadcast: false } });
  const more = { trialDirectory: `${dirname(stateDirectory)}/marks`, observe: async () => computer, devices: plugged() };
  await startAdminLm({ settings, stateDirectory, ...more });
  process.stdout.write('ready\n');
};

if (import.meta.main) {
  const { values } = parseArgs({
    options: { admin: { type: 'boolean' }, vendor: { type: 'string' }, directory: { type: 'string' }, port: { type: 'string' } },
  });
  const { admin, vendor, directory = '', port } = values;
  await (admin === true ? serveComputer(Number(port), directory) : serveApplication(Number(vendor), directory));
}
