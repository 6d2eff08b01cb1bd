import { createSocket } from 'node:dgram';
import { decodeDatagram, familyOf } from '@keyhaven/core/discovery';
import type { DirectEvidence } from '@keyhaven/core/doctor';
import { kindOfDatagram } from '@keyhaven/core/network';
import type { DoctorSurroundings } from './surroundings.ts';

// A question from a port of its own that is connected to the other side, so that the system tells what the network says against it: a port where
// nobody listens, a firewall that rejects. From the port of the license manager such messages are lost.

const AGAIN_MS = 400;
const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'UNKNOWN';
/** What a system says by itself, before anything has left. */
const OWN: ReadonlySet<string> = new Set(['EPERM', 'ENETUNREACH', 'EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EINVAL', 'ENETDOWN']);

/** Asks up to three times. Never rejects. */
export const askDirectly = (
  { clock, note }: Pick<DoctorSurroundings, 'clock' | 'note'>,
  target: { readonly host: string; readonly port: number },
  question: { readonly cookie: number; readonly bytes: Uint8Array },
  waitMs: number,
): Promise<DirectEvidence> =>
  new Promise((resolve) => {
    const begun = clock.mono();
    const ms = (): number => Math.round(clock.mono() - begun);
    const socket = createSocket({ type: familyOf(target.host) === 6 ? 'udp6' : 'udp4' });
    let stray: number | undefined;
    let over = false;
    const timers: (() => void)[] = [];
    const end = (seen: DirectEvidence): void => {
      if (over) return;
      over = true;
      for (const cancel of timers) cancel();
      socket.close();
      resolve(seen);
    };
    const fail = (error: unknown): void => {
      const code = codeOf(error);
      end(OWN.has(code) ? { kind: 'unsent', code } : { kind: 'failed', code, ms: ms() });
    };
    const { host: peer, port } = target;
    const noted = (direction: 'in' | 'out', bytes: Uint8Array, result: string): void => {
      const [sent, received] = direction === 'out' ? [bytes.length, 0] : [0, bytes.length];
      note({ event: 'datagram', direction, kind: kindOfDatagram(bytes) ?? 'stray', peer, port, sent, received, result });
    };
    const ask = (): void => {
      if (over) return;
      socket.send(question.bytes, (error) => {
        noted('out', question.bytes, error === null || error === undefined ? 'sent' : codeOf(error));
        if (error !== null && error !== undefined) fail(error);
      });
    };
    socket.on('error', fail);
    socket.on('message', (bytes) => {
      const datagram = decodeDatagram(bytes);
      noted('in', bytes, 'probed');
      if (datagram?.kind === 'answer' && datagram.cookie === question.cookie)
        end({ kind: 'answered', from: target.host, guid: datagram.guid, ms: ms() });
      else stray = bytes.length;
    });
    socket.connect(target.port, target.host, (error?: Error) => {
      if (error !== undefined && error !== null) return fail(error);
      ask();
      timers.push(clock.after(AGAIN_MS, ask), clock.after(2 * AGAIN_MS, ask));
    });
    timers.push(clock.after(waitMs, () => end(stray === undefined ? { kind: 'silent' } : { kind: 'stray', bytes: stray })));
  });
