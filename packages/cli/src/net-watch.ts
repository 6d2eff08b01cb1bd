import { LicensingError } from '@keyhaven/core/errors';
import { kinds, type NetworkEvent, trafficOf, type Upcoming } from '@keyhaven/core/network';
import { Command } from 'commander';
import { z } from 'zod';
import { followLm, parseTarget } from './lm-client.ts';
import { printJson } from './print.ts';
import { endedByUser } from './stop.ts';
import { plain } from './width.ts';
import { withLm } from './with-lm.ts';

// keyhaven net watch: every datagram and connection of a license manager as it happens, and what is scheduled next (R10). Begins with the last
// 1,000; ends when the license manager does, or by Ctrl-C.

type Options = { readonly lm: string; readonly json?: boolean; readonly recent?: boolean };

const count = z.number().min(0);
const text = z.string().max(1_000);
const traffic = z.object({
  number: count,
  at: text,
  event: z.enum(['datagram', 'opened', 'closed', 'request']),
  direction: z.enum(['in', 'out']),
  kind: z.enum(kinds),
  peer: text,
  port: count,
  sent: count,
  received: count,
  result: text,
});
const next = z.array(z.object({ kind: z.enum(kinds), to: text, at: text })).max(10_000);

const words = { datagram: '', opened: 'connection', closed: 'connection over', request: 'request' } as const;

const sayEvent = ({ at, event, direction, kind, peer, port, sent, received, result }: NetworkEvent): string => {
  const arrow = direction === 'out' ? '->' : '<-';
  const end = `${peer.includes(':') ? `[${peer}]` : peer}:${port}`;
  const bytes =
    event === 'opened'
      ? ''
      : [sent > 0 || received === 0 ? `${sent} B out` : '', received > 0 ? `${received} B in` : ''].filter(Boolean).join(', ');
  const what = [kind, words[event]].filter(Boolean).join(' ');
  return plain(
    `${at.slice(11, 23)}  ${arrow}  ${what.padEnd(30)}  ${end.padEnd(28)}  ${bytes.padEnd(20)}  ${result}  | ${trafficOf(kind).purpose}`,
  );
};
const sayNext = (scheduled: readonly Upcoming[]): string =>
  scheduled.length === 0
    ? 'next: nothing is scheduled'
    : plain(
        `next: ${scheduled
          .slice(0, 5)
          .map(({ kind, to, at }) => `${kind} to ${to} at ${at.slice(11, 19)}`)
          .join('; ')}${scheduled.length > 5 ? `; and ${scheduled.length - 5} more` : ''}`,
      );

const tell = (event: string, data: string, json: boolean): void => {
  const value: unknown = JSON.parse(data);
  if (event === 'traffic') {
    const known = traffic.parse(value);
    if (json) printJson({ type: 'traffic', ...known });
    else process.stdout.write(`${sayEvent(known)}\n`);
  } else if (event === 'next') {
    const scheduled = next.parse(value);
    if (json) printJson({ type: 'next', scheduled });
    else process.stdout.write(`${sayNext(scheduled)}\n`);
  }
};

export const watchCommand = (): Command =>
  withLm(new Command('watch').description('every datagram and connection as it happens, and what comes next'))
    .option('--recent', 'only what was of late and what comes next')
    .option('--json', 'one JSON document per line')
    .action(async ({ lm, json, recent }: Options) => {
      const enough = new AbortController();
      const signal = AbortSignal.any([endedByUser(), enough.signal]);
      let begun = false;
      try {
        await followLm(parseTarget(lm), '/api/v1/network/events', signal, (event, data) => {
          if (signal.aborted) return;
          begun = true;
          tell(event, data, json === true);
          // What is scheduled comes first after what was kept.
          if (recent === true && event === 'next') enough.abort();
        });
      } catch (error) {
        // However a stream that has begun ends, it is over.
        if (!signal.aborted && !(begun && error instanceof LicensingError)) throw error;
      }
    });
