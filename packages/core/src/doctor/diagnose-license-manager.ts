import type { Finding } from './finding.ts';
import { good, guidAt, type Subject, say } from './subject.ts';

// What the license manager there says once it answers: version, clock, access; and whether it hears broadcasts.

/** Clocks that are further apart disagree on when licenses end and on the order of what logs tell. */
const APART_SECONDS = 120;
/** With so many answers some keep still by design (D18). */
const CROWD = 32;

const version = (of: Subject): readonly Finding[] => {
  const { hello } = of.at;
  if (hello?.kind === 'license manager') return [good(of, 'version', 'Both speak the same version of the link.')];
  if (hello?.kind !== 'version') return [];
  return [
    say(
      of,
      'version',
      'blocked',
      'no common version',
      `There is no common version with the license manager at ${of.label}: ${hello.said}`,
      'Upgrade the side that the sentence names.',
    ),
  ];
};

const sayDuration = (seconds: number): string => {
  const minutes = Math.round(seconds / 60);
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.round(hours / 24)} days`;
};

const clock = (of: Subject): readonly Finding[] => {
  const { hello } = of.at;
  if (hello?.kind !== 'license manager' || hello.aheadSeconds === undefined) return [];
  const apart = Math.abs(hello.aheadSeconds);
  if (apart <= APART_SECONDS) return [good(of, 'clock', 'Both clocks agree.')];
  const way = hello.aheadSeconds > 0 ? 'ahead of' : 'behind';
  return [
    say(
      of,
      'clock',
      'limited',
      'clock apart',
      `The clock of ${of.label} is ${sayDuration(apart)} ${way} the one of this computer.`,
      'Let both computers take the time from the same source (NTP); until then each judges dates of licenses by its own.',
    ),
  ];
};

const access = (of: Subject): readonly Finding[] => {
  const { label, at, all } = of;
  const guid = guidAt(at);
  const linked = all.known.some((each) => each.linked && each.guid === guid);
  const denied = at.hello?.kind === 'denied' ? at.hello : at.link?.kind === 'denied' ? at.link : undefined;
  if (denied !== undefined && !(at.link?.kind === 'denied' && at.link.as === 'guest' && linked)) {
    return [
      say(
        of,
        'access',
        'blocked',
        'access denied',
        `The license manager at ${label} refuses this computer: ${denied.said.replace(/\.?$/, '.')}`,
        `Change access.clients or access.remoteClients there; keyhaven denials there names the rule that decided.`,
      ),
    ];
  }
  if (at.tcp.kind !== 'connected') return [];
  if (linked || at.link?.kind === 'linked') return [good(of, 'access', 'It lets this computer in.')];
  if (at.link?.kind !== 'failed') return [];
  return [
    say(
      of,
      'access',
      'limited',
      'not tested',
      `The license manager at ${label} answers, but no link was made (${at.link.code}).`,
      'Try again; look at its log where it stays so.',
    ),
  ];
};

const accessBack = (of: Subject): readonly Finding[] => {
  const { deniedHere } = of.at;
  if (deniedHere === undefined) return [];
  return [
    say(
      of,
      'access back',
      'limited',
      'denied here',
      `A rule of this computer keeps ${of.label} from the licenses here: ${deniedHere}`,
      'Change access.clients here, where that is not meant.',
    ),
  ];
};

const broadcast = (of: Subject): readonly Finding[] => {
  const { label, at, all, port } = of;
  const { place } = at;
  const guid = guidAt(at);
  if (place.kind !== 'subnet' || guid === undefined || at.udp.kind !== 'answered') return [];
  const asked = all.broadcasts.find(({ to }) => to === place.group);
  if (asked === undefined || asked.unsent !== undefined) return [];
  if (asked.answers.some((each) => each.guid === guid)) return [good(of, 'broadcast', `It answers the search to ${asked.to}.`)];
  if (asked.answers.length >= CROWD) {
    return [
      say(
        of,
        'broadcast',
        'limited',
        'not tested',
        `It did not answer the search to ${asked.to}; among so many, those without keys keep still by design.`,
        '',
      ),
    ];
  }
  return [
    say(
      of,
      'broadcast',
      'blocked',
      'broadcast not heard',
      `${label} answers questions to itself and not those to all (${asked.to}): a firewall there drops them, a switch keeps them back, or it listens on single addresses only.`,
      `Let UDP port ${port} in at ${label} for ${asked.to}, and see that its setting bind is empty; or name it in the search parameters here (search.addresses).`,
    ),
  ];
};

export const diagnoseLicenseManager = (of: Subject): readonly Finding[] => [
  ...broadcast(of),
  ...version(of),
  ...clock(of),
  ...access(of),
  ...accessBack(of),
];
