import type { Finding } from '@keyhaven/core/doctor';
import { firewallAvailable, type Host } from '@keyhaven/testkit/lab';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createSite, type Lm, linkedTo, needsLab, type Site } from './site.ts';

// keyhaven net doctor (R10) against paths that are broken on purpose: between the two computers is a subnet for each breakage, all are broken
// at once, and each has to be named. Mended, all is well.

const noFirewall = firewallAvailable();
const PORT = 1947;

type Broken = {
  /** Rules of nft at the computer that is examined, and at the one that examines; and a shell for what is no filter. */
  readonly there?: { readonly input?: string; readonly output?: string; readonly shell?: string; readonly mend?: string };
  readonly here?: { readonly input?: string; readonly output?: string; readonly shell?: string; readonly mend?: string };
  /** path: cause; every other path of that address is well. */
  readonly found: Readonly<Record<string, string>>;
};
const from = (side: 'saddr' | 'daddr', host: 'here' | 'there', subnet: number): string =>
  `ip ${side} 10.199.${subnet}.${host === 'here' ? 10 : 11}`;

const breakages: Readonly<Record<string, (subnet: number) => Broken>> = {
  nothing: () => ({ found: {} }),
  'everything dropped': (net) => ({ there: { input: `${from('saddr', 'here', net)} drop` }, found: { host: 'dropped' } }),
  'everything rejected': (net) => ({
    there: { input: `${from('saddr', 'here', net)} reject with icmp type admin-prohibited` },
    found: { host: 'rejected' },
  }),
  'UDP dropped on the way there': (net) => ({
    there: { input: `${from('saddr', 'here', net)} udp dport ${PORT} drop` },
    found: { 'udp there': 'dropped there' },
  }),
  'UDP dropped on the way back, at the start': (net) => ({
    there: { output: `${from('daddr', 'here', net)} udp sport ${PORT} drop` },
    found: { 'udp back': 'dropped back' },
  }),
  'UDP dropped on the way back, at the end': (net) => ({
    here: { input: `${from('saddr', 'there', net)} udp dport ${PORT} drop` },
    found: { 'udp back': 'dropped back' },
  }),
  'UDP dropped both ways': (net) => ({
    there: { input: `${from('saddr', 'here', net)} udp dport ${PORT} drop` },
    here: { input: `${from('saddr', 'there', net)} udp dport ${PORT} drop` },
    found: { 'udp there': 'dropped there', 'udp back': 'dropped back' },
  }),
  'UDP rejected': (net) => ({
    there: { input: `${from('saddr', 'here', net)} udp dport ${PORT} reject` },
    found: { 'udp there': 'rejected' },
  }),
  'UDP stopped before it leaves': (net) => ({
    here: { output: `${from('daddr', 'there', net)} udp dport ${PORT} drop` },
    found: { 'udp there': 'own filter' },
  }),
  'TCP dropped': (net) => ({ there: { input: `${from('saddr', 'here', net)} tcp dport ${PORT} drop` }, found: { tcp: 'dropped' } }),
  'TCP rejected': (net) => ({
    there: { input: `${from('saddr', 'here', net)} tcp dport ${PORT} reject with tcp reset` },
    found: { tcp: 'rejected' },
  }),
  'TCP dropped on the way in': (net) => ({
    here: { input: `${from('saddr', 'there', net)} tcp dport ${PORT} drop` },
    found: { 'tcp back': 'dropped back' },
  }),
  'TCP rejected on the way in': (net) => ({
    here: { input: `${from('saddr', 'there', net)} tcp dport ${PORT} reject with tcp reset` },
    found: { 'tcp back': 'rejected' },
  }),
  'large packets lost there (MTU)': (net) => ({
    there: { input: `${from('saddr', 'here', net)} tcp dport ${PORT} meta length > 1200 drop` },
    found: { size: 'large packets lost' },
  }),
  'large packets lost back (MTU)': (net) => ({
    here: { input: `${from('saddr', 'there', net)} tcp sport ${PORT} meta length > 1200 drop` },
    found: { size: 'large packets lost' },
  }),
  'only answers pass': (net) => ({
    here: { input: `${from('saddr', 'there', net)} udp dport ${PORT} ct state != established drop` },
    found: { 'udp uninvited': 'only answers pass', broadcast: 'broadcast not heard' },
  }),
  'broadcasts dropped': (net) => ({
    there: { input: `${from('saddr', 'here', net)} meta pkttype broadcast drop` },
    found: { broadcast: 'broadcast not heard' },
  }),
  'another way back': (net) => ({
    there: {
      shell: `ip route add 10.199.${net}.10/32 dev eth0 src 10.199.1.11`,
      mend: `ip route del 10.199.${net}.10/32 dev eth0`,
    },
    here: { shell: 'for each in /proc/sys/net/ipv4/conf/*/rp_filter; do echo 0 > $each; done' },
    found: { 'udp back': 'another way back' },
  }),
  'another way back that is not taken (reverse path filter)': (net) => ({
    there: { shell: `ip route add 10.199.${net}.10/32 dev eth0`, mend: `ip route del 10.199.${net}.10/32 dev eth0` },
    here: { input: `iifname != "eth${net - 1}" ${from('saddr', 'there', net)} drop` },
    found: { tcp: 'another way back', 'udp back': 'another way back' },
  }),
};
const subnets = Object.keys(breakages).map((_, index) => index + 1);
const broken = Object.entries(breakages).map(([name, make], index) => ({ name, address: `10.199.${index + 1}.11`, ...make(index + 1) }));

const shell = async (host: Host, script: string): Promise<void> => {
  const { code, stderr } = await host.run('sh', ['-ec', script], { timeoutMs: 20_000 });
  if (code !== 0) throw new Error(`${script}: ${code} ${stderr}`);
};

type Examined = { readonly code: number | null; readonly findings: readonly Finding[]; readonly stderr: string };
/** path: cause, of all that is not well. */
const amiss = ({ findings }: Examined, host: string): Record<string, string> =>
  Object.fromEntries(findings.filter((each) => each.host === host && each.verdict !== 'ok').map(({ path, cause }) => [path, cause]));

describe('keyhaven net doctor (R10)', () => {
  let site: Site;
  let office: Lm;
  let yard: Lm;
  const results = new Map<'broken' | 'mended', Examined>();
  beforeEach(needsLab(() => site, noFirewall));

  const doctor = async (host: string, ...args: readonly string[]): Promise<Examined> => {
    const { code, stdout, stderr } = await site
      .host(host)
      .run('node', ['packages/cli/bin/keyhaven.js', 'net', 'doctor', '--json', ...args], { timeoutMs: 60_000 });
    if (stdout === '') throw new Error(`${code} ${stderr}`);
    return { code, stderr, findings: (JSON.parse(stdout) as { findings: Finding[] }).findings };
  };
  const rulesOf = (side: 'there' | 'here'): string => {
    const chain = (hook: 'input' | 'output'): string =>
      `chain ${hook} { type filter hook ${hook} priority 0; policy accept;\n${broken.map((each) => each[side]?.[hook] ?? '').join('\n')}\n}`;
    return `table inet broken {\n${chain('input')}\n${chain('output')}\n}`;
  };
  const both = [
    ['there', () => yard],
    ['here', () => office],
  ] as const;

  beforeAll(async () => {
    if (noFirewall !== undefined) return;
    site = await createSite({ hosts: ['office', 'yard'], subnets: { office: subnets, yard: subnets } });
    [office, yard] = await Promise.all([site.startLm('office'), site.startLm('yard')]);
    await site.license(yard);
    await linkedTo(office, yard);
    for (const [side, lm] of both) {
      const scripts = broken.map((each) => each[side]?.shell ?? '').join('\n');
      await shell(lm().host, `${scripts}\nnft -f - <<'EOF'\n${rulesOf(side)}\nEOF`);
    }
    const addresses = broken.map(({ address }) => address);
    results.set('broken', await doctor('office', ...addresses));
    for (const [side, lm] of both) await shell(lm().host, `${broken.map((each) => each[side]?.mend ?? '').join('\n')}\nnft flush ruleset`);
    results.set('mended', await doctor('office', ...addresses));
  }, 120_000);
  afterAll(async () => site?.close());

  const at = (when: 'broken' | 'mended'): Examined => {
    const found = results.get(when);
    if (found === undefined) throw new Error('not examined');
    return found;
  };

  it.each(broken)('names it: $name', ({ address, found }) => {
    expect(amiss(at('broken'), address), JSON.stringify(at('broken').findings.filter(({ host }) => host === address))).toEqual(found);
  });

  it('says in one sentence what the firewall of this computer does with connections', () => {
    const { address } = broken.find(({ name }) => name === 'TCP dropped on the way in') ?? { address: '' };
    const said = at('broken').findings.find(({ host, path }) => host === address && path === 'tcp back');
    expect(said?.sentence).toMatch(
      /^TCP connections from .* to port 1947 of this computer are dropped: by a firewall on this computer, there or on the way\./,
    );
    const well = at('mended').findings.find(({ host, path }) => host === address && path === 'tcp back');
    expect(well?.sentence).toContain('TCP connections from it reach port 1947 here.');
  });

  it('says what to do about each, ends with 1, and tells how far it is', () => {
    expect(at('broken').code).toBe(1);
    for (const { verdict, sentence, remedy } of at('broken').findings) {
      expect(sentence).toMatch(/^[^\n]+[.:)\w]$/);
      if (verdict === 'blocked') expect(remedy).not.toBe('');
    }
    expect(at('broken').stderr).toContain(`testing 9 to 16 of ${broken.length}`);
  });

  it.each(broken)('mended, finds all well: $name', ({ address }) => {
    expect(amiss(at('mended'), address), JSON.stringify(at('mended').findings.filter(({ host }) => host === address))).toEqual({});
  });
});
