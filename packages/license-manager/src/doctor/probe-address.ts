import { encodeDatagram, withoutZone } from '@keyhaven/core/discovery';
import type { AddressEvidence, LinkEvidence } from '@keyhaven/core/doctor';
import { lmIdentityFrom } from '@keyhaven/core/link';
import { SECOND } from '@keyhaven/core/time';
import type { PeerAddress } from '../peers/index.ts';
import { ask, called } from './ask.ts';
import { testBack } from './back.ts';
import { askDirectly } from './direct-ask.ts';
import { type Greeted, greet, plainWords } from './hello.ts';
import { type Asked, confirmLink, LARGE } from './link-probe.ts';
import { placeOf } from './place.ts';
import type { DoctorSurroundings } from './surroundings.ts';

// All that is tried at one address. The order matters: a datagram that the other side sends by itself is waited for before the port of the
// license manager here has asked anything, for firewalls take what comes after a question for its answer.

const DIRECT_MS = 1.5 * SECOND;
const DEFAULT_PORT = 1947;

/** What is known so far; what the time did not suffice for stays away. */
export type Seen = { -readonly [K in keyof AddressEvidence]?: AddressEvidence[K] };

const passage = (asked: Asked | undefined): 'passed' | 'lost' | 'not tried' => {
  if (asked?.kind === 'told') return 'passed';
  return asked?.kind === 'silent' ? 'lost' : 'not tried';
};

/** A busy computer may not answer in time, and an answer that never comes tells nothing. */
const askAgain = async (ask: () => Promise<Asked>): Promise<Asked> => {
  const first = await ask();
  return first.kind === 'told' ? first : ask();
};

const onLink = async (
  around: DoctorSurroundings,
  as: 'itself' | 'guest',
  target: PeerAddress,
  pending: NonNullable<Greeted['pending']>,
  seen: Seen,
): Promise<void> => {
  const confirmed = await confirmLink(around, target, pending);
  if ('denied' in confirmed) seen.link = { kind: 'denied', as, said: plainWords(confirmed.denied) };
  else if ('failed' in confirmed) seen.link = { kind: 'failed', code: plainWords(confirmed.failed) };
  if (!('link' in confirmed)) return;
  const { link } = confirmed;
  let told: Extract<LinkEvidence, { kind: 'linked' }> = { kind: 'linked', as, call: 'not tried', there: 'not tried', back: 'not tried' };
  // Where no license manager runs here, nobody listens at its port.
  const back = await testBack(around, link);
  if (back.first !== undefined) told = { ...told, inbound: back.first };
  if (around.self.kind === 'license manager') told = { ...told, call: await called(around, link) };
  seen.link = told;
  const { cookie, udp } = await ask(around, target);
  seen.udp = udp;
  const heard = udp.kind === 'silent' ? await askAgain(() => link.ask('heard', cookie)) : undefined;
  if (heard?.kind === 'told') told = { ...told, heard: heard.yes };
  seen.link = told;
  const inbound = await back.outcome();
  if (inbound !== undefined) told = { ...told, inbound };
  seen.link = told;
  const there = await link.size(LARGE, 0);
  told = { ...told, there: passage(there) };
  seen.link = told;
  if (there.kind === 'told') seen.link = { ...told, back: passage(await link.size(0, LARGE)) };
};

const byTcp = async (around: DoctorSurroundings, target: PeerAddress, seen: Seen): Promise<void> => {
  const { identity, self, entropy } = around;
  const { tcp, hello, pending } = await greet(around, identity, target);
  seen.tcp = tcp;
  if (hello !== undefined) seen.hello = hello;
  if (hello?.kind === 'license manager' && pending !== undefined && hello.guid !== identity.guid) {
    // A link in use is not replaced (K14): beside one the doctor comes as a guest, with an identity of the moment.
    const inUse = around.known().some(({ guid, linked }) => linked && guid === hello.guid);
    const guest = inUse ? await greet(around, lmIdentityFrom(entropy.bytes(32)), target) : undefined;
    const chosen = inUse ? guest?.pending : pending;
    const as = inUse || self.kind === 'command' ? 'guest' : 'itself';
    if (chosen !== undefined) await onLink(around, as, target, chosen, seen);
    else if (guest?.hello?.kind === 'denied') seen.link = { kind: 'denied', as, said: guest.hello.said };
    else seen.link = { kind: 'failed', code: 'no answer to a second hello' };
  }
  seen.udp ??= (await ask(around, target)).udp;
  if (tcp.kind !== 'failed' || tcp.code !== 'ECONNREFUSED' || target.port === DEFAULT_PORT) return;
  const other = await greet(around, identity, { host: target.host, port: DEFAULT_PORT });
  if (other.hello?.kind === 'license manager') seen.otherPort = DEFAULT_PORT;
};

const byUdp = async (around: DoctorSurroundings, target: PeerAddress, seen: Seen): Promise<void> => {
  const { guid } = around.identity;
  const cookie = Buffer.from(around.entropy.bytes(4)).readUInt32BE(0);
  const bytes = encodeDatagram({ kind: 'ask', guid, tcpPort: 0, bootCount: 0, cookie });
  seen.direct = await askDirectly(around, target, { cookie, bytes }, DIRECT_MS);
};

/** Fills `seen` as it goes on. Rejects for faults of this program only. */
export const probeAddress = async (around: DoctorSurroundings, target: PeerAddress, seen: Seen): Promise<void> => {
  const address = target.host;
  seen.address = address;
  seen.place = placeOf(address, around.interfaces(), around.networks());
  if (seen.place.kind === 'own') return;
  await Promise.all([byTcp(around, target, seen), byUdp(around, target, seen)]);
  const { hello } = seen;
  const told = hello?.kind === 'license manager' ? hello : undefined;
  const rule = around.deniedHere({ address: withoutZone(address), host: told?.name, holder: told?.guid });
  if (rule !== undefined) seen.deniedHere = rule.slice(0, 1_000);
};
