import { kindOfDatagram, kindOfReason, type Note } from '@keyhaven/core/network';
import type { Traffic } from '../net/index.ts';

/** The datagrams of discovery as events. */
export const noteDatagrams =
  (note: Note, strays?: (traffic: Traffic) => void): ((traffic: Traffic) => void) =>
  (traffic) => {
    strays?.(traffic);
    const { direction, address: peer, port, bytes } = traffic;
    const common = { event: 'datagram', direction, peer, port } as const;
    if (traffic.direction === 'in')
      note({ ...common, kind: kindOfDatagram(bytes) ?? 'stray', sent: 0, received: bytes.length, result: traffic.why });
    else note({ ...common, kind: kindOfReason(traffic.why), sent: bytes.length, received: 0, result: traffic.problem ?? 'sent' });
  };
