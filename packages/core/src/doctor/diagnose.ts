import { diagnoseBoth, diagnoseName } from './diagnose-host.ts';
import { diagnoseLicenseManager } from './diagnose-license-manager.ts';
import { diagnoseTcp } from './diagnose-tcp.ts';
import { diagnoseUdp } from './diagnose-udp.ts';
import type { AddressEvidence, BroadcastEvidence, Evidence, HostEvidence, SelfEvidence } from './evidence.ts';
import type { Finding } from './finding.ts';
import { say, subjectOf } from './subject.ts';

// From what was seen to what blocks it (R10): pure, so that each cause is tested without a network. Promises one finding for each path that
// could be judged, and that a cause which stops all of a host is told once.

const HERE = 'this computer';
const about = (path: Finding['path'], verdict: Finding['verdict'], cause: Finding['cause'], sentence: string, remedy = ''): Finding => ({
  host: HERE,
  path,
  verdict,
  cause,
  sentence,
  remedy,
});

const diagnoseSelf = (self: SelfEvidence): readonly Finding[] => {
  if (self.kind === 'command') {
    return self.found === 'nothing'
      ? [
          about(
            'license manager',
            'limited',
            'no license manager here',
            `No license manager runs on port ${self.port} here, so the tests come from other ports and cannot tell what reaches that one.`,
            'Start it with: keyhaven lm',
          ),
        ]
      : [
          about(
            'license manager',
            'blocked',
            'another program here',
            `Another program uses TCP port ${self.port} of this computer.`,
            'Stop it, or give the license manager another port (setting port).',
          ),
        ];
  }
  const off = (sentence: string, setting: string): Finding =>
    about('settings', 'limited', 'off by settings', sentence, `Change the setting ${setting} where that is not meant.`);
  return [
    about('license manager', 'ok', 'none', `The license manager ${self.name} runs on port ${self.port}.`),
    ...(self.remoteLicenses ? [] : [off('Applications here do not use licenses of other computers.', 'access.remoteLicenses')]),
    ...(self.remoteClients ? [] : [off('Other computers may not use the licenses here.', 'access.remoteClients')]),
    ...(self.broadcast ? [] : [off('This license manager does not search by broadcast.', 'search.broadcast')]),
    ...(self.bound
      ? [off('This license manager listens on single addresses, so that it does not hear broadcasts of others.', 'bind')]
      : []),
  ];
};

const diagnoseGroup = (asked: BroadcastEvidence, self: SelfEvidence): Finding => {
  const host = asked.interface;
  const how = asked.family === 4 ? 'broadcast' : 'multicast';
  if (asked.unsent !== undefined) {
    return {
      host,
      address: asked.to,
      path: 'broadcast',
      verdict: 'blocked',
      cause: 'own filter',
      sentence: `This computer does not send the ${how} to ${asked.to} (${asked.unsent}).`,
      remedy: `Let UDP port ${self.port} out to ${asked.to} here: keyhaven net firewall prints the rules.`,
    };
  }
  const others = new Set(asked.answers.map(({ guid }) => guid)).size;
  return others === 0
    ? {
        host,
        address: asked.to,
        path: 'broadcast',
        verdict: 'limited',
        cause: 'nobody answers',
        sentence: `Nobody answers the ${how} to ${asked.to}.`,
        remedy: 'Where license managers run there, let keyhaven net doctor test their addresses.',
      }
    : {
        host,
        address: asked.to,
        path: 'broadcast',
        verdict: 'ok',
        cause: 'none',
        sentence: `${others === 1 ? 'One license manager answers' : `${others} license managers answer`} the ${how} to ${asked.to}.`,
        remedy: '',
      };
};

const serves = ({ hello }: AddressEvidence): boolean => hello?.kind === 'license manager';

const diagnoseAddress = (all: Evidence, host: HostEvidence, at: AddressEvidence): readonly Finding[] => {
  const subject = subjectOf(all, host, at);
  if (
    at.place.kind === 'own' ||
    (at.hello?.kind === 'license manager' && all.self.kind === 'license manager' && at.hello.guid === all.self.guid)
  ) {
    // A name that leads here was told already.
    return host.name.kind === 'address' || at.place.kind !== 'own'
      ? [say(subject, 'host', 'limited', 'name of this computer', `${subject.label} is this computer itself.`, 'Name another computer.')]
      : [];
  }
  const both = diagnoseBoth(
    subject,
    host.addresses.some((other) => other !== at && serves(other)),
  );
  if (both !== undefined) return [both];
  return [...diagnoseTcp(subject), ...diagnoseUdp(subject), ...diagnoseLicenseManager(subject)];
};

export const diagnose = (all: Evidence): readonly Finding[] => [
  ...diagnoseSelf(all.self),
  ...all.broadcasts.map((asked) => diagnoseGroup(asked, all.self)),
  ...all.hosts.flatMap((host) => {
    const name = diagnoseName(all, host);
    return [...(name === undefined ? [] : [name]), ...host.addresses.flatMap((at) => diagnoseAddress(all, host, at))];
  }),
];
