import { request } from 'node:http';
import { kindOfRequest } from '@keyhaven/core/network';
import { noteConnection, type PeerAddress } from '../peers/index.ts';
import type { DoctorSurroundings } from './surroundings.ts';

// One HTTP request on a connection of its own, with what became of each of its steps. For the doctor only: peers use kept connections.

export type Reply = {
  readonly code: number;
  readonly type: string;
  readonly server: string;
  readonly date: string | undefined;
  readonly text: string;
};
export type Posted = {
  /** undefined: there was no connection. */
  readonly connectedMs: number | undefined;
} & (
  | { readonly kind: 'reply'; readonly reply: Reply }
  /** `code` as of the system, or of the parser of HTTP. */
  | { readonly kind: 'failed'; readonly code: string; readonly ms: number }
  | { readonly kind: 'silent' }
);
export type Patience = { readonly connectMs: number; readonly answerMs: number };

/** BOUNDED: of an answer so much is read. */
const ANSWER_LIMIT = 64 * 1024;
const codeOf = (error: Error): string => ('code' in error && typeof error.code === 'string' ? error.code : error.message);

/** Never rejects. */
export const postOnce = (
  { clock, note }: Pick<DoctorSurroundings, 'clock' | 'note'>,
  { host, port }: PeerAddress,
  path: string,
  body: string,
  patience: Patience,
): Promise<Posted> =>
  new Promise((resolve) => {
    const begun = clock.mono();
    const spent = (): number => Math.round(clock.mono() - begun);
    let connectedMs: number | undefined;
    let cancel = (): void => undefined;
    const end = (posted: { kind: 'reply'; reply: Reply } | { kind: 'failed'; code: string; ms: number } | { kind: 'silent' }): void => {
      cancel();
      sent.destroy();
      noted(posted);
      resolve({ connectedMs, ...posted });
    };
    const noted = (posted: { kind: 'reply'; reply: Reply } | { kind: 'failed'; code: string } | { kind: 'silent' }): void => {
      const received = posted.kind === 'reply' ? posted.reply.text.length : 0;
      const result = posted.kind === 'reply' ? String(posted.reply.code) : posted.kind === 'failed' ? posted.code : 'no answer in time';
      note({
        event: 'request',
        direction: 'out',
        kind: kindOfRequest('POST', path),
        peer: host,
        port,
        sent: body.length,
        received,
        result,
      });
    };
    const wait = (ms: number): void => {
      cancel();
      cancel = clock.after(ms, () => end({ kind: 'silent' }));
    };
    const headers = { 'content-type': 'text/plain; charset=us-ascii', 'content-length': body.length };
    const sent = request({ host, port, path, method: 'POST', agent: false, headers }, (response) => {
      let text = '';
      const { 'content-type': type = '', date } = response.headers;
      const server = String(response.headers.server ?? '');
      const done = (): void => end({ kind: 'reply', reply: { code: response.statusCode ?? 0, type, server, date, text } });
      response.setEncoding('latin1');
      response.on('data', (part: string) => {
        text += part;
        if (text.length > ANSWER_LIMIT) done();
      });
      response.on('error', (error) => end({ kind: 'failed', code: codeOf(error), ms: spent() }));
      response.on('end', done);
    });
    sent.on('socket', (socket) => {
      noteConnection(socket, { host, port }, note);
      socket.once('connect', () => {
        connectedMs = spent();
        wait(patience.answerMs);
      });
    });
    sent.on('error', (error) => end({ kind: 'failed', code: codeOf(error), ms: spent() }));
    wait(patience.connectMs);
    sent.end(body);
  });
