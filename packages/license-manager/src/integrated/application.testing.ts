import { argv, stdout } from 'node:process';
import type { Worker } from 'node:worker_threads';
import { startNearApplication } from '@keyhaven/testkit/near';
import { openIntegratedLm } from './index.ts';

// An application with an Integrated LM, in which something happens.

const [, , what, directory = '', vendorCode = ''] = argv;
const threads: Worker[] = [];
process.on('worker', (worker) => threads.push(worker));
const lm = await openIntegratedLm({ vendor: 7, directory });
const { licensing } = startNearApplication({ connect: () => lm.connect() }, { pid: process.pid });
await licensing.login({ vendorCode, feature: 42 });
stdout.write('in\n');
if (what === 'confuse the thread') threads[0]?.postMessage({ kind: 'connect', port: 'none' });
if (what === 'end the thread') void threads[0]?.terminate();
// What keeps this process from here on is not the license manager.
if (what !== 'nothing') setTimeout(() => stdout.write('still here\n'), 10_000);
if (what === 'block') for (;;);
