import { once } from 'node:events';
import { type IncomingHttpHeaders, request } from 'node:http';
import { type AddressInfo, createServer, type Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { createSite } from '../authority/site.testing.ts';
import { facesOf } from './faces.testing.ts';
import type { HttpFaces } from './faces.ts';
import { createHttpServer, type HttpTimeouts, type Serving } from './server.ts';

export type Answer = { readonly code: number; readonly headers: IncomingHttpHeaders; readonly text: string };

/** The HTTP of a site without disks, on a port of its own. */
export const launchHttp = async (more: Partial<HttpFaces> = {}, timeouts?: HttpTimeouts, serving?: Serving) => {
  const site = await createSite();
  const { faces, acts } = await facesOf(site, more);
  const http = await createHttpServer(faces, timeouts, serving);
  // As the front does it: HTTP itself opens no port.
  const sockets = new Set<Socket>();
  const front = createServer((socket) => {
    sockets.add(socket.on('error', () => undefined));
    http.server.emit('connection', socket);
  });
  front.listen(0, '0.0.0.0');
  await once(front, 'listening');
  const { port }: Partial<AddressInfo> = Object(front.address());
  if (port === undefined) throw new Error('no port');
  const close = async (): Promise<void> => {
    await http.close();
    for (const socket of sockets) socket.destroy();
    front.close();
  };
  return { site, faces, acts, http, port, close };
};

export const ask = (
  port: number,
  method: string,
  path: string,
  headers: Record<string, string> = {},
  body: string | Buffer = '',
  host = '127.0.0.1',
): Promise<Answer> =>
  new Promise((resolve, reject) => {
    const sent = request({ host, port, method, path, agent: false, headers: { host: `localhost:${port}`, ...headers } }, (response) => {
      let text = '';
      response.setEncoding('utf8').on('data', (chunk: string) => {
        text += chunk;
      });
      response.on('end', () => resolve({ code: response.statusCode ?? 0, headers: response.headers, text }));
      // A stream has no end: its head is the answer.
      if (response.headers['content-type']?.startsWith('text/event-stream') === true) {
        resolve({ code: response.statusCode ?? 0, headers: response.headers, text });
        response.on('error', () => undefined);
        sent.destroy();
      }
    });
    sent.on('error', reject);
    sent.end(body);
  });

export const basic = (password: string): Record<string, string> => ({
  authorization: `Basic ${Buffer.from(`admin:${password}`).toString('base64')}`,
});

/** An address of this computer by which its requests come as those of another one; undefined where it has none. */
export const ownAddress = (): string | undefined =>
  Object.values(networkInterfaces())
    .flatMap((each) => each ?? [])
    .find(({ internal, family }) => !internal && family === 'IPv4')?.address;
