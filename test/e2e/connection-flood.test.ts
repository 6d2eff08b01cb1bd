import { labAvailable } from '@keyhaven/testkit/lab';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createSite, FEATURE, type Lm, linkedTo, needsLab, type Site } from './site.ts';
import { statusOf } from './told-application.ts';

// One computer that takes many addresses and as many connections as it gets (S14): applications on the computer of the license manager, license managers
// that are linked, and the administrator are served all the same.

const noLab = labAvailable();
const CONNECTIONS = 64;
const PER_ADDRESS = 8;
/** Opens connections from each of its addresses and keeps them. Says how many there are. */
const FLOOD = `
const { connect } = require('node:net');
const [to, ...from] = process.argv.slice(1);
const live = new Set();
let decided = 0;
for (const localAddress of from)
  for (let index = 0; index < 6; index += 1) {
    const socket = connect({ host: to, port: 1947, localAddress });
    let answered = false;
    socket.on('connect', () => { live.add(socket); socket.write('GET /healthz HTTP/1.1\\r\\nHost: localhost\\r\\n\\r\\n'); });
    socket.on('data', () => { if (!answered) decided += 1; answered = true; });
    socket.on('error', () => undefined).on('close', () => { live.delete(socket); if (!answered) decided += 1; });
  }
const look = setInterval(() => {
  if (decided < from.length * 6) return;
  clearInterval(look);
  console.log(JSON.stringify({ open: live.size }));
  setInterval(() => undefined, 1000);
}, 50);`;

describe('a flood of connections (S14)', () => {
  let site: Site;
  let office: Lm;
  let ship: Lm;
  beforeEach(needsLab(() => site));
  beforeAll(async () => {
    if (noLab !== undefined) return;
    site = await createSite({ hosts: ['office', 'ship', 'yard'] });
    office = await site.startLm('office', `[limits]\nconnections = ${CONNECTIONS}\nconnectionsPerAddress = ${PER_ADDRESS}\n`);
    await site.license(office);
    ship = await site.startLm('ship');
    await linkedTo(ship, office);
  });
  afterAll(async () => site?.close());

  /** Floods from so many further addresses; how many connections were kept. */
  const flood = async (to: string, addresses: readonly string[]) => {
    const yard = site.host('yard');
    for (const address of addresses) {
      const args = address.includes(':') ? [`${address}/64`, 'dev', yard.interface, 'nodad'] : [`${address}/24`, 'dev', yard.interface];
      const added = await yard.run('ip', ['addr', 'add', ...args]);
      if (added.code !== 0) throw new Error(`ip addr add ${args.join(' ')}: ${added.stderr}`);
    }
    const flooding = await yard.spawn('node', ['-e', FLOOD, to, ...addresses]);
    // It prints once, when each connection is kept or refused.
    const { open } = JSON.parse(await flooding.nextLine(undefined, 60_000)) as { open: number };
    return {
      kept: open,
      async end() {
        flooding.kill('SIGKILL');
        await flooding.exited;
      },
    };
  };
  const served = async (): Promise<void> => {
    const [near, far] = await Promise.all([site.application('office'), site.application('ship')]);
    const asked = { vendorCode: site.code, feature: FEATURE.fiveSeats };
    expect([await statusOf(near.login(asked)), await statusOf(far.login(asked))]).toEqual([0, 0]);
    expect((await site.keyhaven('office', 'status')).code).toBe(0);
    await Promise.all([near.end(), far.end()]);
  };

  it('from one /64 of IPv6 gets what one computer gets', async () => {
    const prefix = site.host('yard').address6.replace(/[^:]*$/, '');
    const addresses = Array.from({ length: 40 }, (_, index) => `${prefix}a${index.toString(16).padStart(2, '0')}`);
    const { kept, end } = await flood(site.host('office').address6, addresses);
    expect(kept).toBeLessThanOrEqual(PER_ADDRESS);
    await served();
    await end();
  });

  it('from many addresses of IPv4 leaves room for this computer, and for license managers that are linked', async () => {
    const prefix = site.host('yard').address.replace(/[^.]*$/, '');
    const addresses = Array.from({ length: 40 }, (_, index) => `${prefix}${100 + index}`);
    const { kept, end } = await flood(site.host('office').address, addresses);
    expect(kept).toBeLessThanOrEqual((CONNECTIONS * 3) / 4);
    await served();
    await end();
  });
});
