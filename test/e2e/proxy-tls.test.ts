import { execFile } from 'node:child_process';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type Host, type LabProcess, labAvailable, programAvailable } from '@keyhaven/testkit/lab';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { PROXY } from './http-proxy.ts';
import { createSite, eventually, FEATURE, type Lm, linkedTo, needsLab, type Site } from './site.ts';
import { statusOf } from './told-application.ts';

// Between license managers through an HTTP proxy where nothing else gets out (field-facts 2.7), and by TLS on the same port (L6).

const noLab = labAvailable() ?? programAvailable('openssl', 'openssl');
const shell = async (host: Host, script: string): Promise<void> => {
  const { code, stderr } = await host.run('sh', ['-ec', script]);
  if (code !== 0) throw new Error(`${script}: ${stderr}`);
};

describe('an office with keys and a desk that reaches it in several ways', () => {
  let site: Site;
  let office: Lm;
  let desk: Lm | undefined;
  let proxy: LabProcess;
  let pem = { authority: '', certificate: '', key: '' };
  beforeEach(needsLab(() => site, noLab));

  /** An authority of the site and a certificate that it signed. */
  const makeCertificates = async (): Promise<void> => {
    const file = (name: string): string => join(site.directory, name);
    const openssl = async (...args: string[]): Promise<void> => void (await promisify(execFile)('openssl', args));
    const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
    await openssl('req', '-x509', ...newKey, '-days', '2', '-subj', '/CN=site', '-out', file('ca.crt'), '-keyout', file('ca.key'));
    await openssl('req', ...newKey, '-subj', '/CN=keys', '-out', file('lm.csr'), '-keyout', file('lm.key'));
    const by = ['-CA', file('ca.crt'), '-CAkey', file('ca.key'), '-CAcreateserial'];
    await openssl('x509', '-req', '-in', file('lm.csr'), ...by, '-days', '2', '-out', file('lm.crt'));
    pem = { authority: file('ca.crt'), certificate: file('lm.crt'), key: file('lm.key') };
  };
  const restartOffice = async (tls: string): Promise<void> => {
    await office.end('SIGTERM');
    office = await site.startLm('office', tls);
  };
  const search = (): string => `[search]\nbroadcast = false\naggressive = true\naddresses = ["${site.host('office').address}"]\n`;
  const own = (): string => `[tls]\ncertificate = "${pem.certificate}"\nkey = "${pem.key}"\n`;
  const useSeat = async (): Promise<void> => {
    const application = await site.application('desk');
    const session = await application.login({ vendorCode: site.code, feature: FEATURE.oneSeat });
    await session.write(0, Buffer.from('seen'));
    expect((await session.read(0, 4)).toString()).toBe('seen');
    expect((await office.sessions()).map(({ id }) => id)).toEqual([session.id]);
    await session.logout();
    await application.end();
  };
  /** What the desk says of the office, when it cannot use it. */
  const complaint = async (): Promise<string> => {
    const application = await site.application('desk');
    expect(await statusOf(application.login({ vendorCode: site.code, feature: FEATURE.oneSeat }))).toBe(7);
    await application.end();
    return desk?.process.stderr() ?? '';
  };

  beforeAll(async () => {
    if (noLab !== undefined) return;
    site = await createSite({ hosts: ['office', 'desk', 'gate'] });
    await makeCertificates();
    office = await site.startLm('office');
    await site.license(office);
    proxy = await site.host('gate').spawn('node', ['-e', PROXY]);
    await proxy.nextLine((line) => line === 'ready');
  });
  afterEach(async () => {
    await desk?.end('SIGTERM');
    desk = undefined;
    if (noLab === undefined) await site.host('desk').run('nft', ['flush', 'ruleset']);
  });
  afterAll(async () => site?.close());

  /** From the desk nothing gets to the office but through the gate. */
  const closeDesk = (): Promise<void> =>
    shell(
      site.host('desk'),
      `nft add table inet t; nft add chain inet t out '{ type filter hook output priority 0; }'; nft add rule inet t out ip daddr ${site.host('office').address} drop`,
    );
  const throughGate = (): string => `[proxy]\nconnect = "manual"\nhost = "${site.host('gate').address}"\n`;

  it('through a proxy, where nothing gets there directly: keys are known and seats are used', async () => {
    await closeDesk();
    desk = await site.startLm('desk', `${search()}${throughGate()}`);
    await linkedTo(desk, office);
    await useSeat();
    expect(await proxy.nextLine((line) => line.startsWith('POST '))).toBe(`POST http://${office.host.address}:1947/lm/v1/hello`);
  });

  it('without the proxy it gets nowhere, and says so', async () => {
    await closeDesk();
    desk = await site.startLm('desk', search());
    await complaint();
    expect(await desk.peers()).toEqual([]);
  });

  it('by TLS with a certificate that is trusted, and by a tunnel through the proxy', async () => {
    await restartOffice(own());
    desk = await site.startLm('desk', `${search()}[tls]\npeers = "require"\nauthorities = "${pem.authority}"\n`);
    await linkedTo(desk, office);
    await useSeat();
    await desk.end('SIGTERM');
    await closeDesk();
    desk = await site.startLm('desk', `${search()}${throughGate()}[tls]\npeers = "require"\nauthorities = "${pem.authority}"\n`);
    await linkedTo(desk, office);
    await useSeat();
    expect(await proxy.nextLine((line) => line.startsWith('CONNECT '))).toBe(`CONNECT ${office.host.address}:1947`);
  });

  it('where TLS is required, a peer without it is refused with a sentence, and so is one that nobody vouches for', async () => {
    await restartOffice('');
    desk = await site.startLm('desk', `${search()}[tls]\npeers = "require"\nauthorities = "${pem.authority}"\n`);
    expect(await complaint()).toMatch(/"msg":"another license manager cannot be used"|does not speak TLS/);
    await eventually('the log says it', async () => /does not speak TLS .+ which tls\.peers/.test(desk?.process.stderr() ?? ''));
    await desk.end('SIGTERM');
    await restartOffice(own());
    // Without its authority, only what Node.js trusts.
    desk = await site.startLm('desk', `${search()}[tls]\npeers = "require"\n`);
    await complaint();
    await eventually('the log says it', async () => /shows a certificate that is not trusted here/.test(desk?.process.stderr() ?? ''));
    expect(await desk.peers()).toEqual([]);
  });

  it('an office that requires TLS serves nobody without it, and everybody who prefers it', async () => {
    await restartOffice(`${own()}peers = "require"\n`);
    desk = await site.startLm('desk', search());
    await complaint();
    expect(await desk.peers()).toEqual([]);
    await desk.end('SIGTERM');
    desk = await site.startLm('desk', `${search()}[tls]\npeers = "prefer"\n`);
    await linkedTo(desk, office);
    await useSeat();
  });
});
