import type { Finding } from './finding.ts';
import { good, isAlive, type Subject, sameAddress, say, udpReach } from './subject.ts';

// UDP there and back. A question that gets no answer says only that one of the two is lost; which one says the license manager there, on its
// link (K20).

const FIREWALL = 'keyhaven net firewall prints the rules';

const answered = (of: Subject, from: string, ms: number): readonly Finding[] => {
  const { label, at, port } = of;
  const there = good(of, 'udp there', `UDP reaches port ${port}.`);
  if (sameAddress(from, at.address)) return [there, good(of, 'udp back', `The answer is back after ${ms} ms.`)];
  return [
    there,
    say(
      of,
      'udp back',
      'limited',
      'another way back',
      `${label} answers from ${from}: its route to this computer leads by another of its interfaces, and firewalls that wait for an answer of ${at.address} drop it.`,
      `Give ${label} a route to this computer by the interface of ${at.address}, or use ${from} instead.`,
    ),
  ];
};

/** The question got no answer, and nothing was heard against it. */
const silent = (of: Subject): readonly Finding[] => {
  const { label, at, port, all } = of;
  const heard = at.link?.kind === 'linked' ? at.link.heard : undefined;
  const call = at.link?.kind === 'linked' ? at.link.call : 'not tried';
  const onlyThisPort = at.direct.kind === 'answered';
  const back = (): Finding =>
    say(
      of,
      'udp back',
      'blocked',
      'dropped back',
      onlyThisPort
        ? `UDP from ${label} reaches other ports of this computer and not port ${of.all.self.port}: a firewall here or on the way drops it.`
        : `UDP reaches ${label}, and its answers do not come back: a firewall here, there or on the way drops them.`,
      `Let UDP port ${all.self.port} in from ${label} on this computer (${FIREWALL}); where it is open, let UDP port ${port} out at ${label}.`,
    );
  if (heard === true) return [good(of, 'udp there', `UDP reaches port ${port}.`), back()];
  if (heard === false) {
    const there = say(
      of,
      'udp there',
      'blocked',
      'dropped there',
      `UDP to port ${port} of ${label} does not arrive: a firewall here, there or on the way drops it.`,
      `Let UDP port ${port} in at ${label} (${FIREWALL} there); where it is open, let it out on this computer.`,
    );
    if (call === 'arrived') return [there, good(of, 'udp back', `UDP from ${label} reaches port ${all.self.port} here.`)];
    return call === 'lost'
      ? [
          there,
          say(
            of,
            'udp back',
            'blocked',
            'dropped back',
            `UDP from ${label} does not arrive at port ${all.self.port} here either.`,
            `Let UDP port ${all.self.port} in from ${label} on this computer, and out at ${label}.`,
          ),
        ]
      : [there];
  }
  if (onlyThisPort) return [good(of, 'udp there', `UDP reaches port ${port}.`), back()];
  return [
    say(
      of,
      'udp there',
      'blocked',
      'dropped',
      `UDP port ${port} of ${label} gives no answer; whether the question or the answer is lost cannot be told without its license manager's help.`,
      `Let UDP port ${port} in at ${label} and port ${all.self.port} in here (${FIREWALL}).`,
    ),
  ];
};

/** What it sends by itself: its start, and changes of its keys. */
const uninvited = (of: Subject): readonly Finding[] => {
  const { label, at, all, port } = of;
  if (at.link?.kind !== 'linked') return [];
  switch (at.link.call) {
    case 'arrived':
      return [good(of, 'udp uninvited', 'What it sends by itself arrives.')];
    case 'lost':
      return at.udp.kind !== 'answered'
        ? []
        : [
            say(
              of,
              'udp uninvited',
              'blocked',
              'only answers pass',
              `Answers of ${label} arrive, and what it sends by itself does not (that it has started, that its keys have changed): a firewall lets only answers through.`,
              `Let UDP port ${all.self.port} in from ${label} on this computer, asked or not (${FIREWALL}); where it is open, let UDP port ${port} out at ${label}.`,
            ),
          ];
    case 'not sent':
      return [
        say(
          of,
          'udp uninvited',
          'limited',
          'not tested',
          `${label} was asked too often of late to send a datagram by itself.`,
          'Try again in ten seconds.',
        ),
      ];
    case 'not tried':
      return [];
  }
};

const identity = (of: Subject): readonly Finding[] => {
  const { at, label, port } = of;
  if (at.hello?.kind !== 'license manager' || at.udp.kind !== 'answered' || at.hello.guid === at.udp.guid) return [];
  return [
    say(
      of,
      'host',
      'blocked',
      'another license manager',
      `Two license managers answer at ${label}: one by TCP (${at.hello.name}), another one by UDP; a router forwards port ${port} to two computers.`,
      'Forward both to the same computer.',
    ),
  ];
};

export const diagnoseUdp = (of: Subject): readonly Finding[] => {
  const { at, label, port } = of;
  const { udp, direct } = at;
  if (udp.kind === 'answered') return [...answered(of, udp.from, udp.ms), ...uninvited(of), ...identity(of)];
  const code = direct.kind === 'failed' ? direct.code : udp.kind === 'unsent' ? udp.code : direct.kind === 'unsent' ? direct.code : '';
  switch (udpReach(at)) {
    case 'own filter':
      return [
        say(
          of,
          'udp there',
          'blocked',
          'own filter',
          `The packet filter of this computer itself does not let UDP out to ${label} (${code}).`,
          `Let UDP port ${port} out here: ${FIREWALL}.`,
        ),
      ];
    case 'no route':
      return [
        say(
          of,
          'udp there',
          'blocked',
          'no route',
          `This computer has no route to ${label} for UDP (${code}).`,
          'Give this computer a route to it.',
        ),
      ];
    case 'nobody':
      return [
        say(
          of,
          'udp there',
          'blocked',
          'nobody there',
          `Nobody on this network has the address of ${label}.`,
          'Switch it on, or correct the address.',
        ),
      ];
    case 'refused':
      if (!isAlive(at)) {
        return [
          say(
            of,
            'udp there',
            'blocked',
            'not running',
            `No license manager listens on UDP port ${port} of ${label}.`,
            'Start the license manager there (keyhaven lm).',
          ),
        ];
      }
      return [rejected(of, code)];
    case 'rejected':
      return [rejected(of, code)];
    case 'there':
      if (direct.kind !== 'stray') return silent(of);
      return [
        say(
          of,
          'udp there',
          'blocked',
          'other program',
          `Something else than a license manager answers on UDP port ${port} of ${label}.`,
          `Stop the program that uses UDP port ${port} there, and start the license manager.`,
        ),
      ];
    case 'silent':
      if (udp.kind !== 'untried') return [...silent(of), ...uninvited(of)];
      return [
        say(of, 'udp there', 'limited', 'not tested', `The time did not suffice to test UDP to ${label}.`, 'Try again when less is slow.'),
        ...uninvited(of),
      ];
  }
};

const rejected = (of: Subject, code: string): Finding =>
  say(
    of,
    'udp there',
    'blocked',
    'rejected',
    `A firewall at ${of.label} or on the way rejects UDP port ${of.port} (${code})${isAlive(of.at) ? '; its license manager runs, for it answers by TCP' : ''}.`,
    `Let UDP port ${of.port} in at ${of.label}: ${FIREWALL} there.`,
  );
