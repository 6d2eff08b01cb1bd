import type { Verdict } from '@keyhaven/core/discovery';
import { type Clock, MINUTE, type Mono } from '@keyhaven/core/time';
import type { Traffic } from '../net/index.ts';

// Datagrams that make no sense, and more of them than are heard, are dropped (D3, D10, D11, D17). An administrator hears of each kind once an hour, with
// where one came from; the log does not grow with a flood.

const AGAIN_MS = 60 * MINUTE;
const words: Partial<Readonly<Record<Verdict, string>>> = {
  unreadable: 'datagrams come that are no discovery, and are dropped',
  'impossible source': 'datagrams come with a source that can only be forged, and are dropped',
  limited: 'more datagrams come than are heard; the rest is dropped',
};

export type StrayEvent = {
  readonly level: 'warn';
  readonly event: string;
  readonly address: string;
  readonly port: number;
  readonly bytes: number;
};

export const createStrays = (clock: Pick<Clock, 'mono'>, onEvent: (event: StrayEvent) => void): ((traffic: Traffic) => void) => {
  const told = new Map<Verdict, Mono>(); // BOUNDED by the words above
  return (traffic) => {
    if (traffic.direction !== 'in') return;
    const event = words[traffic.why];
    const last = told.get(traffic.why);
    if (event === undefined || (last !== undefined && clock.mono() - last < AGAIN_MS)) return;
    told.set(traffic.why, clock.mono());
    onEvent({ level: 'warn', event, address: traffic.address, port: traffic.port, bytes: traffic.bytes.length });
  };
};
