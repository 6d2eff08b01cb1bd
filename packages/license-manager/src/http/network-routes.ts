import type { ServerResponse } from 'node:http';
import { LicensingError, Status } from '@keyhaven/core/errors';
import type { NetworkEvent } from '@keyhaven/core/network';
import { SECOND } from '@keyhaven/core/time';
import { type NetworkView, upcomingOf } from '../network/index.ts';
import type { Stream } from './route.ts';

// The network, explained (R10). The events are a stream of server-sent events: `traffic` for each
// thing that happened, `next` with all that is scheduled, whenever that changes.

/** BOUNDED: bytes waiting for a reader who does not read; what comes meanwhile is not told, which the numbers of the events show. */
const HIGH_WATER = 256 * 1024;
/** A line of nothing, so that a reader who is gone is noticed. */
const ALIVE_MS = 15 * SECOND;
/** How soon a change of what is scheduled is told. */
const NEXT_MS = SECOND;

const send = (to: ServerResponse, event: string, data: unknown, id?: number): void => {
  if (to.writableLength > HIGH_WATER) return;
  to.write(`${id === undefined ? '' : `id: ${id}\n`}event: ${event}\ndata: ${JSON.stringify(data)}\n\n`);
};

const watch = (to: ServerResponse, { journal, scheduled, clock }: NetworkView, after: number): void => {
  const tell = (event: NetworkEvent): void => send(to, 'traffic', event, event.number);
  for (const event of journal.recent()) if (event.number > after) tell(event);
  const stop = journal.listen(tell, () => void to.end());
  let said = '';
  let quiet = 0;
  let cancel = (): void => undefined;
  const tick = (): void => {
    const next = scheduled();
    const text = JSON.stringify(next);
    quiet += NEXT_MS;
    if (text !== said) send(to, 'next', upcomingOf(clock, next));
    else if (quiet >= ALIVE_MS) to.write(':\n\n');
    if (text !== said || quiet >= ALIVE_MS) quiet = 0;
    said = text;
    cancel = clock.after(NEXT_MS, tick);
  };
  to.once('close', () => {
    stop();
    cancel();
  });
  tick();
};

/** The stream of what happens, from after the event of that number. @throws LicensingError TMOF (4), SYS_ERR (13) while it starts */
export const networkStream = (network: NetworkView, lastEventId: string | readonly string[] | undefined): Stream => {
  if (network.journal.full) {
    throw new LicensingError(Status.TMOF, { detail: 'Too many watch the network already.', remedy: 'End one of the others first.' });
  }
  // What is not there yet is refused before a stream has begun.
  network.scheduled();
  const after = Number(lastEventId ?? 0);
  return (to) => watch(to, network, Number.isSafeInteger(after) ? after : 0);
};
