import { createSocket } from 'node:dgram';
import { once } from 'node:events';
import { createServer as createHttp } from 'node:http';
import { createServer, type Socket } from 'node:net';
import { fromBase64 } from '@keyhaven/core/bytes';
import { decodeDatagram, encodeDatagram } from '@keyhaven/core/discovery';
import { LicensingError } from '@keyhaven/core/errors';
import { answerLink, LINK_VERSIONS, lmIdentityFrom } from '@keyhaven/core/link';
import { mono } from '@keyhaven/core/time';
import type { VersionRange } from '@keyhaven/core/versions';
import { createListeningConnection, LOCAL_VERSIONS } from '@keyhaven/core/wire';
import { systemEntropy } from '@keyhaven/license-manager/machine';

// A license manager of a release to come, which speaks the two versions behind today's of everything and none of today's: `node newer-lm.ts ADDRESS PORT`
// prints `ready`, is found by whoever asks for license managers at its address, and turns away applications and license managers of today.

const [address = '', port = ''] = process.argv.slice(2);
const behind = ({ to }: VersionRange): VersionRange => ({ from: to + 1, to: to + 2 });
const self = lmIdentityFrom(systemEntropy.bytes(32));

const toApplication = (socket: Socket, first: Buffer): void => {
  const machine = createListeningConnection(mono(0), { guid: self.guid, hostname: 'newer', idleMs: 600_000 }, behind(LOCAL_VERSIONS));
  machine.receive(mono(1), first);
  socket.end(machine.farewell ?? Buffer.alloc(0));
};

const http = createHttp((request, response) => {
  let body = '';
  request.setEncoding('latin1').on('data', (part: string) => (body += part));
  request.on('end', () => {
    try {
      const answering = answerLink(self, 'newer', 1, fromBase64(body) ?? Buffer.alloc(0), systemEntropy, behind(LINK_VERSIONS));
      response.end(answering.answer.toString('base64url'));
    } catch (error) {
      if (!(error instanceof LicensingError)) throw error;
      response.writeHead(400, { 'content-type': 'text/plain' }).end(`${error.status} ${error.detail ?? ''}`);
    }
  });
});

// One port for both, as docs/protocol/README.md says: a frame begins with 00.
const server = createServer((socket) => {
  socket.on('error', () => undefined);
  socket.once('data', (first: Buffer) => {
    if (first[0] === 0) return toApplication(socket, first);
    socket.unshift(first);
    http.emit('connection', socket);
  });
});

const udp = createSocket('udp4');
udp.on('message', (bytes, from) => {
  const asked = decodeDatagram(bytes);
  if (asked?.kind !== 'ask' && asked?.kind !== 'search') return;
  udp.send(
    encodeDatagram({ kind: 'answer', guid: self.guid, tcpPort: Number(port), bootCount: 1, cookie: asked.cookie }),
    from.port,
    from.address,
  );
});
udp.bind(Number(port), address);
server.listen(Number(port), address);
await Promise.all([once(udp, 'listening'), once(server, 'listening')]);
console.log('ready');
