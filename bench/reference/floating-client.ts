// One client process of floating-server.ts: claims and releases over one kept-alive connection. Same manners as bench/application.ts.
//   node bench/reference/floating-client.ts PORT SECONDS

import { Agent, request } from 'node:http';
import { createInterface } from 'node:readline';

const [port = '', seconds = ''] = process.argv.slice(2);
const agent = new Agent({ keepAlive: true, maxSockets: 1 });
const ask = (method: string): Promise<number> =>
  new Promise((resolve, reject) => {
    const sent = request({ host: '127.0.0.1', port: Number(port), path: `/v1/nodes/${process.pid}`, method, agent }, (response) => {
      response.resume();
      response.on('end', () => resolve(response.statusCode ?? 0));
    });
    sent.on('error', reject);
    sent.end();
  });
const once = async (): Promise<void> => {
  if ((await ask('PUT')) !== 201 || (await ask('DELETE')) !== 204) throw new Error('refused');
};

await once();
process.stdout.write('ready\n');
for await (const _line of createInterface({ input: process.stdin })) break;
const until = performance.now() + Number(seconds) * 1_000;
let count = 0;
while (performance.now() < until) {
  await once();
  count += 1;
}
process.stdout.write(`${count}\n`);
process.exit(0);
