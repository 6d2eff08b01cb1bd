import { setTimeout } from 'node:timers';
import { type Clock, mono } from '@keyhaven/core/time';
import { startAdminLm } from '@keyhaven/license-manager';
import { loadConfiguration } from '@keyhaven/license-manager/configuration';
import { systemClock } from '@keyhaven/license-manager/machine';

// An Admin LM whose clock runs sixty times as fast, so that five minutes between two searches are five seconds: `node fast-lm.ts STATE CONFIG`
// prints `ready` and then a line of JSON for each event. Its network is as fast as any.

const FASTER = 60;
const [state = '', config = ''] = process.argv.slice(2);
const begun = performance.now();

const clock: Clock = {
  mono: () => mono(begun + (performance.now() - begun) * FASTER),
  wall: () => systemClock.wall(),
  after(milliseconds, task) {
    const timer = setTimeout(task, Math.min(milliseconds / FASTER, 0x7fff_ffff));
    return () => clearTimeout(timer);
  },
};

const { settings } = await loadConfiguration(config, {});
await startAdminLm({
  settings,
  stateDirectory: state,
  clock,
  onEvent: ({ level, event, ...detail }) => console.log(JSON.stringify({ level, event, ...detail })),
});
console.log('ready');
