import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { firewallAvailable, type Host } from '@keyhaven/testkit/lab';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createSite, eventually, FEATURE, type Lm, linkedTo, needsLab, type Site } from './site.ts';
import type { ToldApplication } from './told-application.ts';

// The firewall rules that `keyhaven net firewall` prints (R10), on two computers that drop everything else: the main job works, and takes no
// rule too many.

const noFirewall = firewallAvailable();
const POLICY = `
table inet filter {
  chain input { type filter hook input priority 0; policy drop; jump keyhaven-in; }
  chain output { type filter hook output priority 0; policy drop; jump keyhaven-out; }
}`;

const shell = async (host: Host, script: string): Promise<string> => {
  const { code, stdout, stderr } = await host.run('sh', ['-ec', script], { timeoutMs: 20_000 });
  if (code !== 0) throw new Error(`${script}: ${code} ${stderr}`);
  return stdout;
};
/** Whether one try in some seconds succeeds. */
const soon = async (attempt: () => Promise<unknown>, ms: number): Promise<boolean> => {
  const until = performance.now() + ms;
  for (;;) {
    try {
      await attempt();
      return true;
    } catch {
      if (performance.now() > until) return false;
    }
  }
};

describe('the rules of the configuration, everything else dropped', () => {
  let site: Site | undefined;
  beforeEach(needsLab(() => site, noFirewall));
  afterAll(async () => site?.close());

  const filter = async (host: Host, rules: string): Promise<void> => {
    const file = join(site?.directory ?? '', `rules-${host.name}`);
    await writeFile(file, `flush ruleset\n${rules}${POLICY}\n`);
    await shell(host, `nft -c -f - < ${file} && nft -f ${file}`);
  };

  it('two computers with IPv4 and IPv6 find each other and use each other’s keys, and nothing else passes', async () => {
    site = await createSite({ hosts: ['office', 'yard'] });
    const [office, yard] = [site.host('office'), site.host('yard')];
    const config = join(site.directory, 'settings.toml');
    await writeFile(config, '');
    for (const host of [office, yard]) {
      // Before any license manager runs: from its configuration.
      const { stdout, code } = await site.keyhaven(host.name, 'net', 'firewall', '--config', config, '--format', 'nftables');
      expect(code).toBe(0);
      await filter(host, stdout);
    }
    // The control: a server of the other computer, and its answer to a ping.
    const server = await yard.spawn('node', [
      '-e',
      "require('node:http').createServer((_, a) => a.end('open')).listen(8080, () => console.log('up'))",
    ]);
    await server.nextLine();
    const get = `node -e "fetch('http://${yard.address}:8080/',{signal:AbortSignal.timeout(1500)}).then(r=>r.text()).then(console.log)"`;
    expect((await office.run('sh', ['-c', get])).code).not.toBe(0);

    const [there, here] = await Promise.all([site.startLm('office'), site.startLm('yard')]);
    await site.license(there);
    const asked = { vendorCode: site.code, feature: FEATURE.fiveSeats };
    const application = await site.application('yard');
    await linkedTo(here, there);
    const session = await application.login(asked);
    await session.write(0, Buffer.from('through'));
    expect(await there.used(FEATURE.fiveSeats)).toBe(1);

    // The license manager that runs says the same.
    const running = JSON.parse((await site.keyhaven('yard', 'net', 'firewall', '--json')).stdout) as { rules: unknown[] };
    const offline = JSON.parse((await site.keyhaven('yard', 'net', 'firewall', '--config', config, '--json')).stdout) as {
      rules: unknown[];
    };
    expect(running).toEqual(offline);
    expect(running.rules.length).toBeGreaterThan(10);

    await shell(yard, 'nft flush ruleset');
    await shell(office, 'nft flush ruleset');
    expect((await office.run('sh', ['-c', get])).stdout).toBe('open\n');
  });
});

describe('each single rule, taken away', () => {
  let site: Site | undefined;
  let lms: readonly Lm[] = [];
  let applications: readonly ToldApplication[] = [];
  let rules: string[] = [];
  const CONFIG = '[access]\nclients = ["allow=10.199.1.0/24", "deny=*"]\n';
  beforeEach(needsLab(() => site, noFirewall));
  afterAll(async () => site?.close());

  const isRule = (line: string): boolean => line.includes(' accept ');
  const lines = (): string[] => rules.filter(isRule);
  const filter = async (host: Host, without?: number): Promise<void> => {
    const file = join(site?.directory ?? '', `rules-${host.name}`);
    let seen = -1;
    const kept = rules.filter((line) => {
      seen += isRule(line) ? 1 : 0;
      return !isRule(line) || seen !== without;
    });
    await writeFile(file, `flush ruleset\n${kept.join('\n')}${POLICY}\n`);
    await shell(host, `nft -f ${file}`);
  };
  /** Each computer uses a key of the other. */
  const works = async (): Promise<boolean> => {
    const [first, second] = applications;
    if (site === undefined || first === undefined || second === undefined) throw new Error('no site');
    const asked = { vendorCode: site.code, feature: FEATURE.unlimited };
    const login = async (application: ToldApplication, scope: string): Promise<void> => {
      const session = await application.login({ ...asked, scope });
      await session.read(0, 1);
      await session.logout();
    };
    const scopes = keys.map((key) => `<haspscope><hasp id="${key}"/></haspscope>`);
    const both = [login(first, scopes[1] ?? ''), login(second, scopes[0] ?? '')];
    await Promise.all(both);
    return true;
  };
  let keys: readonly string[] = [];
  const restarted = async (without?: number): Promise<void> => {
    await Promise.all(lms.map((lm) => lm.end('SIGKILL')));
    await Promise.all(lms.map(({ host }, index) => filter(host, index === 0 ? without : undefined)));
    lms = await Promise.all(lms.map((lm) => lm.again()));
  };

  beforeAll(async () => {
    if (noFirewall !== undefined) return;
    site = await createSite({ hosts: ['office', 'yard'] });
    const made = site;
    // IPv4 alone: with both, one family does what a missing rule keeps the other from.
    for (const host of made.lab.hosts) await shell(host, 'echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6');
    lms = await Promise.all(['office', 'yard'].map((name) => made.startLm(name, CONFIG)));
    keys = await Promise.all(lms.map((lm) => made.license(lm)));
    applications = await Promise.all(['office', 'yard'].map((name) => made.application(name)));
    rules = (await made.keyhaven('office', 'net', 'firewall', '--format', 'nftables')).stdout.split('\n');
  });

  it('all of them: it works', async () => {
    expect(lines()).toHaveLength(8);
    await restarted();
    await eventually('both use the key of the other', works);
  });

  it.each([
    ['loopback, in', 0, /^ +iifname "lo" tcp dport/],
    ['answers to connections of this computer', 1, /^ +tcp sport \d+ ct state established/],
    ['datagrams of others', 2, /^ +ip saddr \S+ udp dport/],
    ['connections of others', 3, /^ +ip saddr \S+ tcp dport/],
    ['loopback, out', 4, /^ +oifname "lo" tcp dport/],
    ['answers to connections of others', 5, /^ +tcp sport \d+ ct state established/],
    ['datagrams to others', 6, /^ +oifname "eth0" ip daddr \S+ udp sport/],
    ['connections to others', 7, /^ +oifname "eth0" ip daddr \S+ tcp dport/],
  ])('without the rule for %s it does not', async (_, number, form) => {
    expect(lines()[number]).toMatch(form);
    await restarted(number);
    expect(await soon(works, 3_000)).toBe(false);
  });
});
