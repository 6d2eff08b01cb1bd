import { LicensingError, Status } from '@keyhaven/core/errors';
import { type Clock, SECOND } from '@keyhaven/core/time';
import type { Notices } from '../notices/index.ts';
import type { Stream } from './route.ts';

// What changes, as server-sent events (C3): `now` with the counts of all topics first, then `change` with a topic and its count.

/** BOUNDED: bytes waiting for a reader who does not read; the counts show what it missed. */
const HIGH_WATER = 64 * 1024;
/** A line of nothing, so that a reader who is gone is noticed. */
const ALIVE_MS = 15 * SECOND;

/** @throws LicensingError TMOF (4) */
export const changeStream = (notices: Notices, clock: Clock): Stream => {
  if (notices.full)
    throw new LicensingError(Status.TMOF, {
      detail: 'Too many look at this license manager already.',
      remedy: 'Close one of the other pages first.',
    });
  return (to) => {
    const send = (event: string, data: unknown): void => {
      if (to.writableLength <= HIGH_WATER) to.write(`event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
    };
    const stop = notices.listen(
      (topic, count) => send('change', { topic, count }),
      () => void to.end(),
    );
    let cancel = (): void => undefined;
    const alive = (): void => {
      to.write(':\n\n');
      cancel = clock.after(ALIVE_MS, alive);
    };
    to.once('close', () => {
      stop();
      cancel();
    });
    send('now', notices.counts());
    cancel = clock.after(ALIVE_MS, alive);
  };
};
