import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { labAvailable } from '@keyhaven/testkit/lab';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createSite, eventually, FEATURE, type Lm, linkedTo, needsLab, type Site } from './site.ts';
import { statusOf } from './told-application.ts';

// What other computers see of a license manager (R9): all adapters or local only, really bound so; IPv6 or not; administration at a port of its
// own. Looked at from inside with ss and from outside by asking.

const noLab = labAvailable();
const FETCH = `
fetch(process.argv[1], { method: process.argv[2] ?? 'GET' }).then(
  async (answer) => console.log(answer.status, await answer.text()), (error) => console.log(error.cause?.code));`;
/** Asks by UDP, says what came back within half a second. */
const ASK = `
const socket = require('node:dgram').createSocket(process.argv[1].includes(':') ? 'udp6' : 'udp4');
socket.on('message', (bytes) => { console.log('answered', bytes.length); process.exit(0); });
setTimeout(() => { console.log('silent'); process.exit(0); }, 500);
socket.send(Buffer.from(process.argv[2], 'hex'), 1947, process.argv[1]);`;
const QUESTION = `01010000${'0000'}${'ab'.repeat(30)}00000001`;

describe('network visibility (R9, L2)', () => {
  let site: Site;
  let yard: Lm;
  beforeEach(needsLab(() => site));
  beforeAll(async () => {
    if (noLab !== undefined) return;
    site = await createSite({ hosts: ['office', 'yard'] });
    yard = await site.startLm('yard');
  });
  afterAll(async () => site?.close());

  const office = () => site.host('office');
  /** What the office listens on, TCP and UDP. */
  const listening = async (): Promise<string[]> => {
    const { stdout } = await office().run('ss', ['-H', '-l', '-n', '-t', '-u']);
    const rows = stdout.split('\n').filter((row) => row !== '');
    return rows
      .map((row) => row.trim().split(/\s+/))
      .map(([kind, , , , local]) => `${kind} ${local}`)
      .toSorted();
  };
  /** From the yard: the first line of each answer. */
  const get = async (address: string, path = '/healthz', port = 1947, method = 'GET'): Promise<string> => {
    const { stdout } = await site.host('yard').run('node', ['-e', FETCH, `http://${address}:${port}${path}`, method]);
    return stdout.trim();
  };
  const ask = async (address: string): Promise<string> =>
    (await site.host('yard').run('node', ['-e', ASK, address, QUESTION])).stdout.trim();

  it('all adapters: TCP and UDP on every address of both families, and others get answers', async () => {
    const lm = await site.startLm('office');
    expect(await listening()).toEqual(['tcp 0.0.0.0:1947', 'tcp [::]:1947', 'udp 0.0.0.0:1947', 'udp [::]:1947']);
    expect(await get(office().address)).toBe('200 {"status":"ok"}');
    expect(await get(`[${office().address6}]`)).toBe('200 {"status":"ok"}');
    expect([await ask(office().address), await ask(office().address6)]).toEqual(['answered 40', 'answered 40']);
    await lm.end('SIGTERM');
  });

  it('without IPv6: nothing of it is bound, sent or connected to', async () => {
    const capture = await site.lab.capture();
    const lm = await site.startLm('office', 'ipv6 = false\n[search]\naddresses = ["fd00:10:199:1::11", "ship"]\n');
    expect(await listening()).toEqual(['tcp 0.0.0.0:1947', 'udp 0.0.0.0:1947']);
    expect(await get(`[${office().address6}]`)).toBe('ECONNREFUSED');
    expect(await ask(office().address6)).toBe('silent');
    expect(await linkedTo(lm, yard, 0)).toMatchObject({ address: `${site.host('yard').address}:1947` });
    await lm.end('SIGTERM');
    const own = [office().address6, office().interfaces()[0]?.linkLocal];
    // What the system itself says there: refusals of the connection and the datagram above.
    const words = (await capture.stop()).filter(({ protocol, source }) => protocol !== 'other' && own.includes(source.address));
    expect(words.filter((packet) => packet.protocol !== 'tcp' || !packet.reset)).toEqual([]);
  });

  it('local only: loopback of both families and nothing else; nobody outside gets a word, and applications here work', async () => {
    const lm = await site.startLm('office', 'localOnly = true\n');
    expect(await listening()).toEqual(['tcp 127.0.0.1:1947', 'tcp [::1]:1947', 'udp 127.0.0.1:1947', 'udp [::1]:1947']);
    expect([await get(office().address), await get(`[${office().address6}]`)]).toEqual(['ECONNREFUSED', 'ECONNREFUSED']);
    expect([await ask(office().address), await ask(office().address6)]).toEqual(['silent', 'silent']);
    await site.license(lm);
    const [near, far] = await Promise.all([site.application('office'), site.application('yard')]);
    const asked = { vendorCode: site.code, feature: FEATURE.fiveSeats };
    expect([await statusOf(near.login(asked)), await statusOf(far.login(asked))]).toEqual([0, 7]);
    expect((await site.keyhaven('office', 'status')).code).toBe(0);
    await Promise.all([near.end(), far.end()]);
    await lm.end('SIGTERM');
  });

  it('a port for administration: page and API are there and nowhere else, all the rest stays where it was', async () => {
    const file = join(site.directory, 'office.ini');
    await writeFile(file, '[SERVER]\nport_admin = 8443\nACCremote = 1\n');
    const lm = await site.startLm('office', { file });
    expect((await listening()).filter((each) => each.endsWith(':8443'))).toEqual(['tcp 0.0.0.0:8443', 'tcp [::]:8443']);
    const there = office().address;
    // The API asks other computers for a password, at the port where it is.
    for (const [path, answer] of [
      ['/', 401],
      ['/api/v1/status', 401],
      ['/api/v1/keys', 401],
    ] as const) {
      const refused = await get(there, path);
      expect(refused).toMatch(/^404 /);
      expect(refused, 'nobody outside is told where it is').not.toContain('8443');
      expect(await get(there, path, 8443)).toMatch(new RegExp(`^(?:200|${answer}) `));
    }
    expect(await get(there, '/lm/v1/hello', 8443, 'POST')).toMatch(/^404 /);
    expect(await get(there, '/lm/v1/hello', 1947, 'POST')).toMatch(/^400 /);
    // Commands of this computer are told.
    const status = await site.keyhaven('office', 'status', '--json');
    expect(JSON.parse(status.stdout)).toMatchObject({ guid: lm.guid, adminPort: 8443 });
    expect((await site.keyhaven('office', 'net', 'watch', '--recent')).code).toBe(0);
    const c2v = join(site.directory, 'admin.c2v');
    expect((await site.keyhaven('office', 'c2v', '--vendor-code', site.code, '--out', c2v)).code).toBe(0);
    expect((await readFile(c2v, 'latin1')).length).toBeGreaterThan(0);
    await eventually('license managers and applications stay at 1947', async () =>
      (await yard.peers()).some(({ guid, state, address }) => guid === lm.guid && state === 'linked' && address.endsWith(':1947')),
    );
    const application = await site.application('office');
    expect(await statusOf(application.login({ vendorCode: site.code, feature: FEATURE.fiveSeats }))).toBe(0);

    await writeFile(file, '[SERVER]\nport_admin = 8443\nACCremote = 0\n');
    await eventually('the switch closes the port for others', async () => (await get(there, '/', 8443)).startsWith('403 '));
    await lm.end('SIGTERM');
    const { stdout } = await office().run('ss', ['-H', '-l', '-n', '-t']);
    expect(stdout).toBe('');
  });
});
