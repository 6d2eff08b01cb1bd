import { describe, expect, it } from 'vitest';
import { diagnose } from './diagnose.ts';
import { ADDRESS, alone, evidenceOf, hostOf, namedHost, OTHER, wellAddress } from './evidence.testing.ts';
import type { AddressEvidence, Evidence, LinkEvidence } from './evidence.ts';
import type { Finding } from './finding.ts';

const SELF = 'this computer';
/** path: cause, of what is not well; `?` where it is only limited. */
const amissIn = (findings: readonly Finding[]): Record<string, string> =>
  Object.fromEntries(
    findings
      .filter(({ host, verdict }) => host !== SELF && host !== 'eth0' && verdict !== 'ok')
      .map(({ path, cause, verdict }) => [path, `${cause}${verdict === 'limited' ? '?' : ''}`]),
  );
const amiss = (address: AddressEvidence, more: Partial<Evidence> = {}): Record<string, string> =>
  amissIn(diagnose(evidenceOf([hostOf(address)], more)));

const refused = { kind: 'failed', code: 'ECONNREFUSED', ms: 1 } as const;
const prohibited = { kind: 'failed', code: 'EHOSTUNREACH', ms: 2 } as const;
const noHardware = { kind: 'failed', code: 'EHOSTUNREACH', ms: 3_050 } as const;
const noRoute = { kind: 'failed', code: 'ENETUNREACH', ms: 0 } as const;
const silent = { kind: 'silent' } as const;
const linked = (more: Partial<Extract<LinkEvidence, { kind: 'linked' }>>): LinkEvidence => ({
  kind: 'linked',
  as: 'itself',
  call: 'lost',
  there: 'passed',
  back: 'passed',
  ...more,
});
const elsewhere = { kind: 'elsewhere' } as const;

type Row = readonly [what: string, seen: Partial<AddressEvidence>, found: Record<string, string>];

describe('a path that is well', () => {
  it('has a finding for each path, and none of them bad', () => {
    const findings = diagnose(evidenceOf([namedHost('keys.example', wellAddress)]));
    expect(amissIn(findings)).toEqual({});
    expect(findings.filter(({ host }) => host === 'keys.example').map(({ path }) => path)).toEqual([
      'name',
      'tcp',
      'size',
      'tcp back',
      'udp there',
      'udp back',
      'udp uninvited',
      'broadcast',
      'version',
      'clock',
      'access',
    ]);
    expect(findings.every(({ verdict, remedy }) => verdict !== 'ok' || remedy === '')).toBe(true);
  });
});

describe('nobody answers by TCP', () => {
  const rows: readonly Row[] = [
    ['nothing at all in the subnet', { tcp: silent, udp: silent, direct: silent }, { host: 'dropped' }],
    ['nothing at all elsewhere', { tcp: silent, udp: silent, direct: silent, place: elsewhere }, { host: 'dropped' }],
    ['no hardware address', { tcp: noHardware, udp: silent, direct: silent }, { host: 'nobody there' }],
    ['the same code at once', { tcp: prohibited, udp: silent, direct: prohibited }, { host: 'rejected' }],
    ['the same code, late, from a router', { tcp: noHardware, udp: silent, direct: noHardware, place: elsewhere }, { host: 'rejected' }],
    ['no route', { tcp: noRoute, udp: { kind: 'unsent', code: 'ENETUNREACH' }, direct: silent }, { host: 'no route' }],
    ['nothing listens', { tcp: refused, udp: silent, direct: refused }, { host: 'not running' }],
    ['nothing listens but on the usual port', { tcp: refused, udp: silent, direct: refused, otherPort: 1947 }, { host: 'wrong port' }],
    ['TCP refused, UDP silent', { tcp: refused, udp: silent, direct: silent }, { tcp: 'not running', 'udp there': 'dropped' }],
    ['TCP silent, UDP refused', { tcp: silent, udp: silent, direct: refused }, { tcp: 'dropped', 'udp there': 'not running' }],
    ['TCP silent, the own filter', { tcp: silent, udp: { kind: 'unsent', code: 'EPERM' }, direct: silent }, { host: 'own filter' }],
    ['TCP refused, UDP answers', { tcp: refused }, { tcp: 'rejected' }],
    ['TCP refused, UDP answers at the own port only', { tcp: refused, direct: refused }, { tcp: 'rejected' }],
    ['TCP rejected, UDP answers', { tcp: prohibited }, { tcp: 'rejected' }],
    ['TCP silent, UDP answers', { tcp: silent }, { tcp: 'dropped' }],
    [
      'TCP silent, UDP answers by another way',
      { tcp: silent, udp: { kind: 'answered', from: '198.51.100.7', guid: OTHER, ms: 1 }, direct: silent },
      { tcp: 'another way back', 'udp back': 'another way back?' },
    ],
  ];
  it.each(rows)('%s', (_, seen, found) => {
    expect(amiss({ ...alone(wellAddress), ...seen })).toEqual(found);
  });
});

describe('something answers by TCP', () => {
  const rows: readonly Row[] = [
    ['another program', { hello: { kind: 'other program', sign: 'HTTP 404' } }, { tcp: 'other program' }],
    ['the end of the connection', { hello: { kind: 'closed' } }, { tcp: 'closed' }],
    ['silence', { hello: { kind: 'mute' } }, { tcp: 'mute' }],
    ['nothing that is known', {}, { tcp: 'mute' }],
    ['too busy', { hello: { kind: 'busy', said: 'too many handshakes under way' } }, { tcp: 'busy?' }],
    ['a refusal', { hello: { kind: 'denied', said: 'access from remote clients is off' } }, { access: 'access denied' }],
    ['another version', { hello: { kind: 'version', said: 'Upgrade the one that calls.' } }, { version: 'no common version' }],
  ];
  it.each(rows)('%s', (_, seen, found) => {
    expect(amiss({ ...alone(wellAddress), ...seen })).toEqual(found);
  });

  it('with what the license manager says for its refusal, as one sentence', () => {
    const hello = { kind: 'denied', said: 'The rules deny the computer office' } as const;
    const finding = diagnose(evidenceOf([hostOf({ ...alone(wellAddress), hello })])).find(({ path }) => path === 'access');
    expect(finding?.sentence).toBe(`The license manager at ${ADDRESS} refuses this computer: The rules deny the computer office.`);
  });
});

describe('UDP beside a license manager that answers by TCP', () => {
  const rows: readonly Row[] = [
    ['question lost', { udp: silent, direct: silent, link: linked({ heard: false, call: 'arrived' }) }, { 'udp there': 'dropped there' }],
    ['answer lost', { udp: silent, direct: silent, link: linked({ heard: true }) }, { 'udp back': 'dropped back' }],
    ['answer lost at the own port only', { udp: silent, link: linked({ heard: true }) }, { 'udp back': 'dropped back' }],
    [
      'both lost',
      { udp: silent, direct: silent, link: linked({ heard: false }) },
      { 'udp there': 'dropped there', 'udp back': 'dropped back' },
    ],
    [
      'question lost, the way back unknown',
      { udp: silent, direct: silent, link: linked({ heard: false, call: 'not tried' }) },
      { 'udp there': 'dropped there' },
    ],
    [
      'no help, another port answered',
      { udp: silent, link: { kind: 'failed', code: 'x' } },
      { 'udp back': 'dropped back', access: 'not tested?' },
    ],
    ['no time for it', { udp: { kind: 'untried' }, direct: silent, link: linked({ call: 'arrived' }) }, { 'udp there': 'not tested?' }],
    ['no help', { udp: silent, direct: silent, link: { kind: 'failed', code: 'x' } }, { 'udp there': 'dropped', access: 'not tested?' }],
    ['rejected as a closed port', { udp: silent, direct: refused, link: linked({ heard: false }) }, { 'udp there': 'rejected' }],
    ['rejected as prohibited', { udp: silent, direct: prohibited, link: linked({ heard: false }) }, { 'udp there': 'rejected' }],
    ['not let out', { udp: { kind: 'unsent', code: 'EPERM' }, direct: silent, link: linked({}) }, { 'udp there': 'own filter' }],
    ['no route for it', { udp: { kind: 'unsent', code: 'ENETUNREACH' }, direct: silent, link: linked({}) }, { 'udp there': 'no route' }],
    [
      'something else answers',
      { udp: silent, direct: { kind: 'stray', bytes: 4 }, link: linked({ heard: false }) },
      { 'udp there': 'other program' },
    ],
    ['only answers pass', { link: linked({}) }, { 'udp uninvited': 'only answers pass' }],
    ['asked too often', { link: linked({ call: 'not sent' }) }, { 'udp uninvited': 'not tested?' }],
    ['other ports of this computer are closed by rules', { direct: silent }, {}],
    ['not tried', { link: linked({ call: 'not tried' }) }, {}],
    ['another way back', { udp: { kind: 'answered', from: '198.51.100.7', guid: OTHER, ms: 1 } }, { 'udp back': 'another way back?' }],
    ['another license manager', { udp: { kind: 'answered', from: ADDRESS, guid: 'third', ms: 1 } }, { host: 'another license manager' }],
    ['connections here dropped', { link: linked({ call: 'arrived', inbound: 'lost' }) }, { 'tcp back': 'dropped back' }],
    ['connections here rejected', { link: linked({ call: 'arrived', inbound: 'refused' }) }, { 'tcp back': 'rejected' }],
    ['too old to test back', { link: linked({ call: 'arrived', inbound: 'too old' }) }, { 'tcp back': 'not tested?' }],
    ['asked to test back too often', { link: linked({ call: 'arrived', inbound: 'not sent' }) }, { 'tcp back': 'not tested?' }],
    ['nobody listens here', { link: linked({ call: 'arrived', inbound: 'not tried' }) }, {}],
    ['large requests lost', { link: linked({ call: 'arrived', there: 'lost', back: 'not tried' }) }, { size: 'large packets lost' }],
    ['large answers lost', { link: linked({ call: 'arrived', back: 'lost' }) }, { size: 'large packets lost' }],
    ['sizes not tried', { link: linked({ call: 'arrived', there: 'not tried', back: 'not tried' }) }, {}],
  ];
  it.each(rows)('%s', (_, seen, found) => {
    expect(amiss({ ...wellAddress, ...seen })).toEqual(found);
  });

  it('a zone or a spelling is no other way', () => {
    const address = 'fe80::A%eth0';
    const udp = { kind: 'answered', from: 'fe80::a%2', guid: OTHER, ms: 1 } as const;
    expect(amiss({ ...wellAddress, address, place: { kind: 'subnet', group: 'ff02::1%eth0' }, udp })).toEqual({});
  });
});

describe('the license manager there', () => {
  const hello = (aheadSeconds: number) => ({ kind: 'license manager', guid: OTHER, name: 'keys', aheadSeconds }) as const;
  const denied = (as: 'itself' | 'guest') => ({ kind: 'denied', as, said: 'No.' }) as const;
  const known = [{ name: 'keys', guid: OTHER, address: ADDRESS, linked: true }];
  it.each([
    ['a clock two minutes ahead', { hello: hello(120) }, {}, {}],
    ['a clock further ahead', { hello: hello(121) }, {}, { clock: 'clock apart?' }],
    ['a clock behind', { hello: hello(-90_000) }, {}, { clock: 'clock apart?' }],
    ['a link refused', { link: denied('itself') }, {}, { access: 'access denied' }],
    ['a link refused to a guest, while the true one serves', { link: denied('guest') }, { known }, {}],
    ['a link refused to a guest', { link: denied('guest') }, {}, { access: 'access denied' }],
    ['a rule here', { deniedHere: 'deny=192.0.2.7' }, {}, { 'access back': 'denied here?' }],
    [
      'no answer to the broadcast',
      {},
      { broadcasts: [{ interface: 'eth0', family: 4, to: '192.0.2.255', answers: [] }] },
      { broadcast: 'broadcast not heard' },
    ],
    [
      'no answer to the broadcast of many',
      {},
      {
        broadcasts: [
          {
            interface: 'eth0',
            family: 4,
            to: '192.0.2.255',
            answers: Array.from({ length: 32 }, (_, at) => ({ guid: `${at}`, address: 'x' })),
          },
        ],
      },
      { broadcast: 'not tested?' },
    ],
    ['a broadcast that was not made', {}, { broadcasts: [] }, {}],
  ] as const)('%s', (_, seen, more, found) => {
    expect(amiss({ ...wellAddress, ...seen }, more)).toEqual(found);
  });

  it('says how far the clocks are apart, and which way', () => {
    const said = (seconds: number) =>
      diagnose(evidenceOf([hostOf({ ...wellAddress, hello: hello(seconds) })])).find(({ path }) => path === 'clock')?.sentence;
    expect(said(300)).toBe(`The clock of ${ADDRESS} is 5 min ahead of the one of this computer.`);
    expect(said(-7_200)).toBe(`The clock of ${ADDRESS} is 2 h 0 min behind the one of this computer.`);
    expect(said(4 * 86_400)).toContain('4 days ahead');
  });
});

describe('names', () => {
  const third = { name: 'keys', guid: 'third', address: '192.0.2.9', linked: true };
  const self = { ...alone(wellAddress), place: { kind: 'own' }, tcp: silent, udp: silent, direct: silent } as const;
  const off = { ...alone(wellAddress), tcp: noHardware, udp: silent, direct: silent };
  const unresolved = (code: string) => ({ ...namedHost('keys'), name: { kind: 'unresolved', code } as const });
  it.each([
    ['has no address', unresolved('ENOTFOUND'), [], { name: 'name unknown' }],
    ['has no name server', unresolved('EAI_AGAIN'), [], { name: 'name servers silent' }],
    ['gets no answer in time', unresolved('ETIMEDOUT'), [], { name: 'name servers silent' }],
    ['is that of the license manager', namedHost('KEYS.example.org', wellAddress), [], {}],
    ['is another one than the license manager has', namedHost('licenses', wellAddress), [], { name: 'name of another computer?' }],
    [
      'is that of one that is elsewhere',
      namedHost('depot', wellAddress),
      [{ ...third, name: 'depot' }],
      { name: 'name of another computer' },
    ],
    [
      'leads to nobody, and one of the name is elsewhere',
      namedHost('keys', off),
      [third],
      { name: 'name of another computer', host: 'nobody there' },
    ],
    ['leads to nobody', namedHost('keys', off), [], { host: 'nobody there' }],
    ['leads to this computer', namedHost('keys', self), [], { name: 'name of this computer' }],
    ['is that of this computer', namedHost('office', self), [], { name: 'name of this computer?' }],
    ['is localhost', namedHost('localhost', self), [], { name: 'name of this computer?' }],
  ] as const)('that %s', (_, host, known, found) => {
    expect(amissIn(diagnose(evidenceOf([host], { known })))).toEqual(found);
  });

  it('tell where the one that was meant is', () => {
    const [, , finding] = diagnose(evidenceOf([namedHost('depot', wellAddress)], { known: [{ ...third, name: 'depot' }] }));
    expect(finding?.remedy).toContain('The license manager depot is known here at 192.0.2.9.');
  });
});

describe('several addresses', () => {
  const six = (seen: Partial<AddressEvidence>): AddressEvidence => ({
    ...alone(wellAddress),
    address: '2001:db8::7',
    place: elsewhere,
    udp: silent,
    direct: silent,
    ...seen,
  });
  it.each([
    ['no route to one', six({ tcp: noRoute, direct: { kind: 'unsent', code: 'ENETUNREACH' } }), 'no route?'],
    ['nothing listens at one', six({ tcp: refused, direct: refused }), 'not running?'],
    ['one drops all', six({ tcp: silent }), 'dropped?'],
  ] as const)('%s: limited, for the other serves', (_, bad, cause) => {
    expect(amissIn(diagnose(evidenceOf([namedHost('keys', bad, wellAddress)])))).toEqual({ host: cause });
    expect(amissIn(diagnose(evidenceOf([namedHost('keys', bad)])))).toEqual({ host: cause.slice(0, -1) });
  });
});

describe('this computer', () => {
  const of = (self: Evidence['self'], broadcasts: Evidence['broadcasts'] = []) =>
    diagnose(evidenceOf([], { self, broadcasts }))
      .filter(({ verdict }) => verdict !== 'ok')
      .map(({ path, cause, verdict }) => `${path}: ${cause} ${verdict}`);
  const { self } = evidenceOf([]);
  if (self.kind !== 'license manager') throw new Error('no license manager');
  it.each([
    ['all is well', self, []],
    ['uses nobody', { ...self, remoteLicenses: false }, ['settings: off by settings limited']],
    ['serves nobody', { ...self, remoteClients: false }, ['settings: off by settings limited']],
    ['does not search', { ...self, broadcast: false }, ['settings: off by settings limited']],
    ['does not hear broadcasts', { ...self, bound: true }, ['settings: off by settings limited']],
    ['none', { kind: 'command', name: 'office', port: 1947, found: 'nothing' }, ['license manager: no license manager here limited']],
    [
      'another program',
      { kind: 'command', name: 'office', port: 1947, found: 'another program' },
      ['license manager: another program here blocked'],
    ],
  ] as const)('%s', (_, own, found) => {
    expect(of(own)).toEqual(found);
  });

  it('does not send, or hears nobody', () => {
    expect(of(self, [{ interface: 'eth0', family: 4, to: '192.0.2.255', unsent: 'EPERM', answers: [] }])).toEqual([
      'broadcast: own filter blocked',
    ]);
    expect(of(self, [{ interface: 'eth0', family: 6, to: 'ff02::1%eth0', answers: [] }])).toEqual(['broadcast: nobody answers limited']);
  });

  it('named by its address or by a forwarded port is told once', () => {
    const own: AddressEvidence = { ...alone(wellAddress), place: { kind: 'own' }, tcp: silent, udp: silent, direct: silent };
    const forwarded: AddressEvidence = { ...wellAddress, hello: { kind: 'license manager', guid: self.guid, name: 'office' } };
    for (const seen of [own, forwarded]) expect(amiss(seen)).toEqual({ host: 'name of this computer?' });
  });
});
