import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Finding } from '@keyhaven/core/doctor';
import { labAvailable } from '@keyhaven/testkit/lab';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createSite, type Lm, linkedTo, needsLab, type Site } from './site.ts';

// keyhaven net doctor (R10) where not the way is broken but what is at its end: names, ports, programs, clocks, rules; and where no license
// manager runs beside it.

const noLab = labAvailable();
const KEYHAVEN = 'packages/cli/bin/keyhaven.js';
/** What is not a license manager: on 1947 a web server and something on UDP, and on other ports programs that say nothing, or too soon. */
const PROGRAMS = `
const net = require('node:net'), dgram = require('node:dgram');
require('node:http').createServer((_, answer) => answer.setHeader('server', 'weather').end('<p>sunny')).listen(1947);
net.createServer(() => undefined).listen(2001);
net.createServer((socket) => socket.destroy()).listen(2002);
net.createServer((socket) => socket.end('220 mail\\r\\n')).listen(2003);
require('node:http').createServer((_, answer) =>
  answer.writeHead(400, { 'content-type': 'text/plain' }).end('11 The license manager that calls is too old: upgrade it.')).listen(2004);
const udp = dgram.createSocket('udp4').on('message', (bytes, { port, address }) => udp.send('what?', port, address)).bind(1947, () => console.log('up'));`;
const AHEAD = 'data:text/javascript,const%20now=Date.now;Date.now=()=>now()+3*3600e3';

type Examined = { readonly code: number | null; readonly findings: readonly Finding[] };
const amiss = ({ findings }: Examined, host: string): readonly string[] =>
  findings
    .filter((each) => each.host === host && each.verdict !== 'ok')
    .map(({ path, cause, verdict }) => `${path}: ${cause} (${verdict})`);

describe('keyhaven net doctor (R10)', () => {
  let site: Site;
  let office: Lm;
  let yard: Lm;
  let mill: Lm;
  const address: Record<string, string> = {};
  beforeEach(needsLab(() => site));
  beforeAll(async () => {
    if (noLab !== undefined) return;
    site = await createSite({ hosts: ['office', 'yard', 'mill', 'barn', 'shed'] });
    for (const { name, address: own } of site.lab.hosts) address[name] = own;
    const clients = (...rules: readonly string[]): string => `[access]\nclients = ${JSON.stringify(rules)}\n`;
    office = await site.startLm('office', clients(`deny=${address['yard']}`));
    [yard, mill] = await Promise.all([
      // IPv4 only.
      site.startLm('yard', 'bind = ["0.0.0.0"]\n'),
      site.startLm('mill', clients(`deny=${address['shed']}`, `deny=*,lm:${office.guid}`)),
    ]);
    const programs = await site.host('barn').spawn('node', ['-e', PROGRAMS]);
    await programs.nextLine((line) => line === 'up');
    await site.license(yard);
    await linkedTo(office, yard);
  }, 60_000);
  afterAll(async () => site?.close());

  const read = ({ code, stdout, stderr }: { code: number | null; stdout: string; stderr: string }): Examined => {
    if (stdout === '') throw new Error(`${code} ${stderr}`);
    return { code, findings: (JSON.parse(stdout) as { findings: Finding[] }).findings };
  };
  const atOffice = async (...args: readonly string[]): Promise<Examined> =>
    read(await site.host('office').run('node', [KEYHAVEN, 'net', 'doctor', '--json', ...args], { timeoutMs: 30_000 }));

  it('names what is at a port that is no license manager, a port without one, an address without a computer, and a refusal', async () => {
    const { barn, mill: denying, yard: good } = address;
    const ports = [1947, 2001, 2002, 2003, 2004, 3000].map((port) => `${barn}:${port}`);
    const found = await atOffice(...ports, `${good}:2947`, '10.199.1.200', denying ?? '', good ?? '');
    expect(Object.fromEntries([...ports, `${good}:2947`].map((host) => [host.slice(host.indexOf(':')), amiss(found, host)]))).toEqual({
      ':1947': ['tcp: other program (blocked)', 'udp there: other program (blocked)'],
      ':2001': ['tcp: mute (blocked)', 'udp there: not running (blocked)'],
      ':2002': ['tcp: closed (blocked)', 'udp there: not running (blocked)'],
      ':2003': ['tcp: other program (blocked)', 'udp there: not running (blocked)'],
      ':2004': ['udp there: rejected (blocked)', 'version: no common version (blocked)'],
      ':3000': ['host: not running (blocked)'],
      ':2947': ['host: wrong port (blocked)'],
    });
    expect(amiss(found, '10.199.1.200')).toEqual(['host: nobody there (blocked)']);
    expect(amiss(found, denying ?? '')).toEqual(['access: access denied (blocked)']);
    expect(amiss(found, good ?? '')).toEqual(['access back: denied here (limited)']);
    expect(found.code).toBe(1);
    const said = (host: string): string => found.findings.find((each) => each.host === host && each.verdict !== 'ok')?.sentence ?? '';
    expect(said(ports[0] ?? '')).toContain('HTTP 200 of weather');
    expect(said(`${good}:2947`)).toContain('listens on port 1947, and not on 2947');
    expect(said(denying ?? '')).toContain('deny the computer office');
    expect(said(good ?? '')).toContain(`deny=${good}`);
  });

  it('without a host examines who is known and who answers the broadcast, and leaves the links that are in use', async () => {
    const lost = (): number => office.process.stderr().split('"msg":"peer lost"').length;
    const before = lost();
    const application = await site.application('office');
    const session = await application.login({ vendorCode: site.code, feature: 10 });
    const found = await atOffice();
    const hosts = new Set(found.findings.map(({ host }) => host));
    // The newer license manager of the barn answers on another port, and the shed has none.
    for (const one of [yard, mill])
      expect([...hosts].some((host) => host.includes(one.host.address) || host.startsWith('fe80'))).toBe(true);
    expect(hosts).toContain('eth0');
    expect(await session.read(0, 1)).toHaveLength(1);
    expect(lost()).toBe(before);
    await session.logout();
  });

  /** On the computer without a license manager, which has names of its own. */
  const atShed = async (args: readonly string[], options: { readonly names?: string; readonly env?: Record<string, string> } = {}) => {
    const hosts = join(site.directory, 'hosts');
    const names = join(site.directory, 'nsswitch');
    await writeFile(hosts, `127.0.0.1 localhost\n${options.names ?? ''}\n`);
    await writeFile(names, 'hosts: files\n');
    const script = `mount --bind ${hosts} /etc/hosts; mount --bind ${names} /etc/nsswitch.conf; exec "$@"`;
    const command = [process.execPath, KEYHAVEN, 'net', 'doctor', ...args];
    return site.host('shed').run('sh', ['-ec', script, 'sh', ...command], { timeoutMs: 30_000, env: options.env ?? {} });
  };

  it('names names that lead nowhere, to this computer, to another computer, and to an address without one', async () => {
    const names = [`${address['yard']} yard yard.example press`, '127.0.0.1 depot', '10.199.1.200 ghost'].join('\n');
    const found = read(await atShed(['--json', 'yard.example', 'press', 'depot', 'ghost', 'nowhere.example'], { names }));
    expect(
      Object.fromEntries(['yard.example', 'press', 'depot', 'ghost', 'nowhere.example'].map((host) => [host, amiss(found, host)])),
    ).toEqual({
      'yard.example': [],
      press: ['name: name of another computer (limited)'],
      depot: ['name: name of this computer (blocked)'],
      ghost: ['host: nobody there (blocked)'],
      'nowhere.example': ['name: name unknown (blocked)'],
    });
  });

  it('without a license manager here says so, asks from other ports, and names a refusal by address', async () => {
    const found = read(await atShed(['--json', address['yard'] ?? '', address['mill'] ?? '']));
    expect(amiss(found, 'this computer')).toEqual(['license manager: no license manager here (limited)']);
    expect(amiss(found, address['yard'] ?? '')).toEqual([]);
    expect(amiss(found, address['mill'] ?? '')).toEqual(['access: access denied (blocked)']);
    // Named, it is not replaced by the command.
    const { code, stderr } = await atShed(['--lm', '127.0.0.1:1947', address['yard'] ?? '']);
    expect([code, stderr]).toEqual([1, expect.stringContaining('no license manager listens there')]);
  });

  it('names a clock that is apart, and which way', async () => {
    const found = read(await atShed(['--json', address['yard'] ?? ''], { env: { NODE_OPTIONS: `--import=${AHEAD}` } }));
    expect(amiss(found, address['yard'] ?? '')).toEqual(['clock: clock apart (limited)']);
    expect(found.findings.find(({ path }) => path === 'clock')?.sentence).toMatch(/is 3 h 0 min behind/);
    expect(found.code).toBe(0);
  });

  it('tells IPv4 and IPv6 apart: a license manager with one of them, and a computer with one of them', async () => {
    const names = `${address['yard']} yard\n${site.host('yard').address6} yard\n${address['office']} office\n${site.host('office').address6} office`;
    const both = read(await atShed(['--json', 'yard', 'office'], { names }));
    expect([amiss(both, 'yard'), amiss(both, 'office')]).toEqual([['host: not running (limited)'], []]);
    expect(both.findings.find(({ cause }) => cause === 'not running')?.address).toBe(site.host('yard').address6);
    await site.host('shed').run('sh', ['-c', 'echo 1 > /proc/sys/net/ipv6/conf/eth0/disable_ipv6']);
    const one = read(await atShed(['--json', 'office', site.host('office').address6], { names }));
    expect(amiss(one, 'office')).toEqual(['host: no route (limited)']);
    expect(amiss(one, site.host('office').address6)).toEqual(['host: no route (blocked)']);
    expect(one.findings.find(({ cause }) => cause === 'no route')?.sentence).toContain('by IPv6');
  });

  it('prints a table for people, each finding in a line with its remedy', async () => {
    const { stdout, code } = await site.keyhaven('office', 'net', 'doctor', `${address['barn']}:3000`);
    expect(code).toBe(1);
    expect(stdout).toMatch(/^HOST +PATH +RESULT +WHAT +REMEDY\n/);
    expect(stdout).toMatch(/\n\S+:3000.+host +blocked +.+nothing listens on its port 3000.+Start the license manager there/);
  });

  it('refuses too many hosts, and what is none', async () => {
    const many = Array.from({ length: 65 }, (_, index) => `10.199.2.${index}`);
    for (const args of [many, ['http://yard']]) {
      const { code, stdout, stderr } = await site.keyhaven('office', 'net', 'doctor', ...args);
      expect([code, stdout]).toEqual([1, '']);
      expect(stderr).toContain('INVALID_PARAMETER');
    }
  });
});
