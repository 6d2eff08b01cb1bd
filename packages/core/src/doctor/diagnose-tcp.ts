import type { Finding } from './finding.ts';
import { good, isAlive, type Subject, sameAddress, say, tcpReach } from './subject.ts';

// TCP: whether a connection is made, what answers on it, and whether large packets pass.

const reject = (of: Subject, code: string): Finding => {
  const { label, port } = of;
  return isAlive(of.at)
    ? say(
        of,
        'tcp',
        'blocked',
        'rejected',
        `A firewall at ${label} or on the way rejects TCP port ${port} (${code}); its license manager runs, for it answers by UDP.`,
        `Let TCP port ${port} in at ${label}: keyhaven net firewall prints the rules there.`,
      )
    : say(
        of,
        'tcp',
        'blocked',
        code === 'ECONNREFUSED' ? 'not running' : 'rejected',
        code === 'ECONNREFUSED'
          ? `TCP port ${port} of ${label} refuses connections: no license manager listens there, or a firewall rejects them.`
          : `A firewall or router on the way to ${label} rejects TCP port ${port} (${code}).`,
        `Start the license manager there (keyhaven lm), and let TCP port ${port} in.`,
      );
};

const notConnected = (of: Subject): Finding => {
  const { label, port, at } = of;
  switch (tcpReach(at.tcp, at)) {
    case 'there':
    case 'refused':
    case 'rejected':
      return reject(of, at.tcp.kind === 'failed' ? at.tcp.code : '');
    case 'nobody':
      return say(
        of,
        'tcp',
        'blocked',
        'nobody there',
        `Nobody on this network has the address of ${label}.`,
        'Switch it on, or correct the address.',
      );
    case 'no route':
    case 'own filter':
      return say(of, 'tcp', 'blocked', 'no route', `This computer has no route to ${label}.`, 'Give this computer a route to it.');
    case 'silent':
      if (at.udp.kind === 'answered' && !sameAddress(at.udp.from, at.address)) {
        return say(
          of,
          'tcp',
          'blocked',
          'another way back',
          `${label} answers by another way than it is asked (by UDP from ${at.udp.from}), and TCP does not come back on it: a firewall or reverse path filter drops it.`,
          `Give ${label} a route to this computer by the interface of ${at.address}, or use ${at.udp.from} instead.`,
        );
      }
      return say(
        of,
        'tcp',
        'blocked',
        'dropped',
        `TCP port ${port} of ${label} is dropped without a word${isAlive(at) ? ', although its license manager runs (it answers by UDP)' : ''}: a firewall there or on the way.`,
        `Let TCP port ${port} in at ${label}, and its answers back: keyhaven net firewall prints the rules there.`,
      );
  }
};

const connected = (of: Subject, ms: number): Finding => {
  const { label, port, at } = of;
  const occupied = `Stop the program that uses port ${port} there and start the license manager, or name the port of the license manager: HOST:PORT.`;
  switch (at.hello?.kind) {
    case 'license manager':
      return good(of, 'tcp', `TCP port ${port} connects in ${ms} ms, and the license manager ${at.hello.name} answers.`);
    case 'denied':
    case 'version':
      return good(of, 'tcp', `TCP port ${port} connects in ${ms} ms, and a license manager answers.`);
    case 'busy':
      return say(
        of,
        'tcp',
        'limited',
        'busy',
        `The license manager at ${label} is too busy to answer: ${at.hello.said}`,
        'Try again in a minute.',
      );
    case 'other program':
      return say(
        of,
        'tcp',
        'blocked',
        'other program',
        `Something else than a license manager answers on TCP port ${port} of ${label}: ${at.hello.sign}.`,
        occupied,
      );
    case 'closed':
      return say(
        of,
        'tcp',
        'blocked',
        'closed',
        `Connections to TCP port ${port} of ${label} are closed without an answer: by another program, by a firewall, or by its license manager because this computer has too many.`,
        `Look there who listens on port ${port}, and at the log of its license manager.`,
      );
    case 'mute':
    case undefined:
      return say(
        of,
        'tcp',
        'blocked',
        'mute',
        `TCP port ${port} of ${label} takes connections and says nothing: another program, a license manager that hangs, or a firewall that answers in its place.`,
        `Look there who listens on port ${port}; restart its license manager where it is that.`,
      );
  }
};

const MTU =
  'Let ICMP "fragmentation needed" (ICMPv6 "packet too big") through on the way, or set a smaller MTU on the VPN or router between.';

const size = (of: Subject): readonly Finding[] => {
  const { label, at } = of;
  if (at.link?.kind !== 'linked' || (at.link.there === 'not tried' && at.link.back === 'not tried')) return [];
  const { there, back } = at.link;
  if (there === 'lost') {
    return [
      say(
        of,
        'size',
        'blocked',
        'large packets lost',
        `Small packets reach ${label} and large ones do not: a link on the way there takes smaller ones only (MTU).`,
        MTU,
      ),
    ];
  }
  if (back === 'lost') {
    return [
      say(
        of,
        'size',
        'blocked',
        'large packets lost',
        `Small packets come back from ${label} and large ones do not: a link on the way back takes smaller ones only (MTU).`,
        MTU,
      ),
    ];
  }
  return [good(of, 'size', 'Large packets pass in both directions.')];
};

/** Its license manager was asked to connect to this computer: what the inbound firewall here does with connections. */
const inbound = (of: Subject): readonly Finding[] => {
  const { label, at, all } = of;
  const { port } = all.self;
  const untested = (sentence: string, remedy: string): readonly Finding[] => [
    say(of, 'tcp back', 'limited', 'not tested', sentence, remedy),
  ];
  switch (at.link?.kind === 'linked' ? at.link.inbound : undefined) {
    case undefined:
    case 'not tried':
      return [];
    case 'arrived':
      return [good(of, 'tcp back', `TCP connections from it reach port ${port} here.`)];
    case 'lost':
    case 'refused': {
      const how = at.link?.kind === 'linked' && at.link.inbound === 'refused' ? 'rejected' : 'dropped';
      return [
        say(
          of,
          'tcp back',
          'blocked',
          how === 'rejected' ? 'rejected' : 'dropped back',
          `TCP connections from ${label} to port ${port} of this computer are ${how}: by a firewall on this computer, there or on the way. Applications there cannot use the licenses here.`,
          `Let TCP port ${port} in from ${label} on this computer: keyhaven net firewall prints the rules.`,
        ),
      ];
    }
    case 'too old':
      return untested(
        `The license manager at ${label} is of an older version and cannot test back whether TCP connections reach this computer.`,
        'Upgrade the license manager there, or run keyhaven net doctor there.',
      );
    case 'not sent':
      return untested(`${label} was asked too often of late to test back by TCP.`, 'Try again in ten seconds.');
  }
};

export const diagnoseTcp = (of: Subject): readonly Finding[] =>
  of.at.tcp.kind === 'connected' ? [connected(of, of.at.tcp.ms), ...size(of), ...inbound(of)] : [notConnected(of)];
