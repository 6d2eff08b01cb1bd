import { argv, exit, pid, stdout } from 'node:process';
import { setTimeout as pause } from 'node:timers/promises';
import { LicensingError } from '@keyhaven/core/errors';
import { startNearApplication } from '@keyhaven/testkit/near';
import { openNearLm } from './index.ts';

// A process with a near LM that logs in and out without end, to be killed at any moment. Says `in` for each grant and `out` for each logout
// that was answered, so that whoever killed it knows what it must have held.

const [, , kind, directory = '', vendorCode = ''] = argv;
const lm = await openNearLm({ kind: kind === 'external' ? 'external' : 'integrated', vendor: 7, directory });
const { licensing } = startNearApplication(lm, { pid });
for (;;) {
  try {
    const session = await licensing.login({ vendorCode, feature: 42 });
    stdout.write('in\n');
    await session.encrypt(new Uint8Array(16));
    await pause(Math.random() * (Math.random() < 0.1 ? 200 : 20));
    await session.logout();
    stdout.write('out\n');
  } catch (error) {
    if (!(error instanceof LicensingError) || error.status !== 38) {
      stdout.write(`failed ${String(error)}\n`);
      exit(1);
    }
    await pause(Math.random() * 20);
  }
}
