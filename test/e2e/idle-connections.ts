import { connect, type Socket } from 'node:net';

// Opens COUNT connections to PORT and keeps them, until standard input ends: every second one says the bytes in HEX, the others
// nothing. Prints `open N` when all are decided.

const [port = '', count = '', hex = '', from = '127.0.0.1'] = process.argv.slice(2);
const greeting = Buffer.from(hex, 'hex');
const sockets: Socket[] = [];
let open = 0;

const one = (index: number): Promise<void> =>
  new Promise((resolve) => {
    const socket = connect({ port: Number(port), host: '127.0.0.1', localAddress: from });
    sockets.push(socket);
    socket.once('connect', () => {
      open += 1;
      if (index % 2 === 0) socket.write(greeting);
      resolve();
    });
    socket.on('error', () => resolve());
    socket.resume();
  });

for (let done = 0; done < Number(count); done += 250) {
  await Promise.all(Array.from({ length: Math.min(250, Number(count) - done) }, (_, index) => one(done + index)));
}
process.stdout.write(`open ${open}\n`);
process.stdin.resume().once('end', () => {
  for (const socket of sockets) socket.resetAndDestroy();
});
