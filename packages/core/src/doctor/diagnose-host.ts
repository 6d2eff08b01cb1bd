import { withoutZone } from '../discovery/index.ts';
import type { Evidence, HostEvidence } from './evidence.ts';
import type { Finding } from './finding.ts';
import { good, type Subject, say, tcpReach, udpReach } from './subject.ts';

// What concerns a host as a whole: its name, and causes that stop TCP and UDP alike, which are told once.

const firstLabel = (name: string): string => name.toLowerCase().split('.', 1)[0] ?? '';

/** `undefined`: an address was given, so there is nothing to say of names. */
export const diagnoseName = (all: Evidence, host: HostEvidence): Finding | undefined => {
  const [first] = host.addresses;
  const subject = { host, at: first ?? { address: host.host } } as Pick<Subject, 'host' | 'at'>;
  const elsewhere = all.known.find(({ name }) => firstLabel(name) === firstLabel(host.host));
  const hint = elsewhere === undefined ? '' : ` The license manager ${elsewhere.name} is known here at ${elsewhere.address}.`;
  switch (host.name.kind) {
    case 'address':
      return undefined;
    case 'unresolved': {
      const { code } = host.name;
      const unknown = code === 'ENOTFOUND' || code === 'ENODATA';
      return {
        host: host.asked,
        path: 'name',
        verdict: 'blocked',
        cause: unknown ? 'name unknown' : 'name servers silent',
        sentence: unknown
          ? `The name ${host.host} has no address (${code}).`
          : `The name servers give no answer for ${host.host} (${code}).`,
        remedy: `${unknown ? 'Correct the name, or its entry in DNS or in the hosts file; or use the address.' : 'Look at the name servers of this computer, or use the address.'}${hint}`,
      };
    }
    case 'resolved':
      break;
  }
  const addresses = host.addresses.map(({ address }) => address).join(', ');
  const self = firstLabel(all.self.name) === firstLabel(host.host) || host.host.toLowerCase() === 'localhost';
  if (host.addresses.some(({ place }) => place.kind === 'own')) {
    return say(
      subject,
      'name',
      self ? 'limited' : 'blocked',
      'name of this computer',
      `The name ${host.host} leads to ${addresses}, which is this computer itself.`,
      self ? 'Name another computer.' : `Correct the entry of ${host.host} in DNS or in the hosts file.${hint}`,
    );
  }
  for (const { hello, address } of host.addresses) {
    if (hello?.kind !== 'license manager' || firstLabel(hello.name) === firstLabel(host.host)) continue;
    const known = elsewhere !== undefined && elsewhere.guid !== hello.guid;
    return say(
      subject,
      'name',
      known ? 'blocked' : 'limited',
      'name of another computer',
      `The name ${host.host} leads to ${address}, where the license manager calls itself ${hello.name}.`,
      `Where ${host.host} is meant to be another computer, correct its entry in DNS or in the hosts file.${known ? hint : ''}`,
    );
  }
  if (elsewhere !== undefined && host.addresses.every(({ hello, udp }) => hello?.kind !== 'license manager' && udp.kind !== 'answered')) {
    const there = host.addresses.some(({ address }) => withoutZone(address) === withoutZone(elsewhere.address));
    if (!there) {
      return say(
        subject,
        'name',
        'blocked',
        'name of another computer',
        `The name ${host.host} leads to ${addresses}, where no license manager of that name answers.`,
        `Correct the entry of ${host.host} in DNS or in the hosts file.${hint}`,
      );
    }
  }
  return good(subject, 'name', `The name leads to ${addresses}.`);
};

/** A cause that stops TCP and UDP alike. `others`: another address of the host serves, so this one stops nobody. */
export const diagnoseBoth = (of: Subject, others: boolean): Finding | undefined => {
  const { label, port, at } = of;
  const [tcp, udp] = [tcpReach(at.tcp, at), udpReach(at)];
  const verdict = others ? 'limited' : 'blocked';
  const code = at.tcp.kind === 'failed' ? ` (${at.tcp.code})` : '';
  const family = at.address.includes(':') ? 'IPv6' : 'IPv4';
  if (tcp === 'no route' && udp !== 'there') {
    return say(
      of,
      'host',
      verdict,
      'no route',
      `This computer has no route by ${family} to ${label}${code}.`,
      others
        ? `Nothing has to be done: its other address serves. Else give this computer ${family}.`
        : `Give this computer ${family} and a route to ${at.address}, or use another address.`,
    );
  }
  if (tcp === 'nobody' && udp !== 'there') {
    return say(
      of,
      'host',
      verdict,
      'nobody there',
      `Nobody on this network has the address of ${label}: it is off, or the address is wrong.`,
      'Switch it on, or correct the address.',
    );
  }
  if (tcp === 'refused' && udp === 'refused') {
    if (at.otherPort !== undefined) {
      return say(
        of,
        'host',
        'blocked',
        'wrong port',
        `The license manager at ${label} listens on port ${at.otherPort}, and not on ${port}.`,
        `Use the same port on both computers (setting port), or name it: ${host(at.address)}:${at.otherPort}.`,
      );
    }
    return say(
      of,
      'host',
      verdict,
      'not running',
      `${label} is there, but nothing listens on its port ${port}, by TCP nor by UDP: no license manager runs there, or it uses another port.`,
      others
        ? `Nothing has to be done: its other address serves. Else let it listen on ${at.address} (setting bind).`
        : `Start the license manager there (keyhaven lm), or name its port: HOST:PORT. Where it runs, a firewall rejects both.`,
    );
  }
  if (tcp === 'rejected' && udp === 'rejected') {
    return say(
      of,
      'host',
      verdict,
      'rejected',
      `A firewall or router on the way to ${label} rejects TCP and UDP${code}.`,
      `Let TCP and UDP port ${port} through, and see that ${label} is on.`,
    );
  }
  if (tcp === 'silent' && udp === 'own filter') {
    return say(
      of,
      'host',
      verdict,
      'own filter',
      `The packet filter of this computer itself lets nothing out to ${label}.`,
      `Let TCP and UDP port ${port} out here: keyhaven net firewall prints the rules.`,
    );
  }
  if (tcp === 'silent' && udp === 'silent') {
    return at.place.kind === 'subnet'
      ? say(
          of,
          'host',
          verdict,
          'dropped',
          `${label} is on this network, and neither TCP nor UDP port ${port} gives a sign: a firewall there or here drops both, or its answers take another way.`,
          `Let TCP and UDP port ${port} in at ${label}: keyhaven net firewall prints the rules there. Where they are open, look at its route to this computer.`,
        )
      : say(
          of,
          'host',
          verdict,
          'dropped',
          `Nothing comes back from ${label} by TCP or UDP port ${port}: a firewall drops both, it is off, or it has no route back.`,
          `See that ${label} is on and has a route to this computer, and let TCP and UDP port ${port} through on the way.`,
        );
  }
  return undefined;
};

const host = (address: string): string => (address.includes(':') ? `[${address}]` : address);
