import { boolean, type Decoder, integer, list, literal, object, optional, tagged, text } from '../parse/index.ts';
import type {
  AddressEvidence,
  BroadcastEvidence,
  DirectEvidence,
  Evidence,
  HelloEvidence,
  HostEvidence,
  KnownLm,
  LinkEvidence,
  NameEvidence,
  SelfEvidence,
  TcpEvidence,
  UdpEvidence,
} from './evidence.ts';
import { inbounds, MAX_ADDRESSES, MAX_HOSTS } from './evidence.ts';

// Evidence as the admin API gives it, for the command that diagnoses it.

const word = text(300);
const said = text(600);
const ms = integer(0, 600_000);
const port = integer(1, 65_535);
const as = literal('itself', 'guest');
const passage = literal('passed', 'lost', 'not tried');
const kind = <const K extends string>(name: K): Decoder<K> => literal(name);

const silent = object({ kind: kind('silent') });
const untried = object({ kind: kind('untried') });
const failed = object({ kind: kind('failed'), code: word, ms });
const unsent = object({ kind: kind('unsent'), code: word });
const answered = object({ kind: kind('answered'), from: word, guid: word, ms });

const self: Decoder<SelfEvidence> = tagged<SelfEvidence>('kind', {
  'license manager': object({
    kind: kind('license manager'),
    name: word,
    guid: word,
    port,
    remoteLicenses: boolean,
    remoteClients: boolean,
    broadcast: boolean,
    bound: boolean,
  }),
  command: object({ kind: kind('command'), name: word, port, found: literal('nothing', 'another program') }),
});
const known: Decoder<KnownLm> = object({ name: word, guid: word, address: word, linked: boolean });
const tcp = tagged<TcpEvidence>('kind', { connected: object({ kind: kind('connected'), ms }), failed, silent });
const hello = tagged<HelloEvidence>('kind', {
  'license manager': object({
    kind: kind('license manager'),
    guid: word,
    name: word,
    aheadSeconds: optional(integer(-1e12, 1e12)),
  }),
  denied: object({ kind: kind('denied'), said }),
  version: object({ kind: kind('version'), said }),
  busy: object({ kind: kind('busy'), said }),
  'other program': object({ kind: kind('other program'), sign: said }),
  closed: object({ kind: kind('closed') }),
  mute: object({ kind: kind('mute') }),
});
const link = tagged<LinkEvidence>('kind', {
  linked: object({
    kind: kind('linked'),
    as,
    call: literal('arrived', 'lost', 'not sent', 'not tried'),
    heard: optional(boolean),
    inbound: optional(literal(...inbounds)),
    there: passage,
    back: passage,
  }),
  denied: object({ kind: kind('denied'), as, said }),
  failed: object({ kind: kind('failed'), code: word }),
});
const udp = tagged<UdpEvidence>('kind', { answered, silent, untried, unsent });
const direct = tagged<DirectEvidence>('kind', {
  answered,
  silent,
  untried,
  unsent,
  failed,
  stray: object({ kind: kind('stray'), bytes: integer(0, 65_535) }),
});
const address: Decoder<AddressEvidence> = object({
  address: word,
  place: tagged<AddressEvidence['place']>('kind', {
    own: object({ kind: kind('own') }),
    subnet: object({ kind: kind('subnet'), group: word }),
    elsewhere: object({ kind: kind('elsewhere') }),
  }),
  tcp,
  hello: optional(hello),
  link: optional(link),
  udp,
  direct,
  otherPort: optional(port),
  deniedHere: optional(text(1_000)),
});
const host: Decoder<HostEvidence> = object({
  asked: text(320),
  host: word,
  port,
  name: tagged<NameEvidence>('kind', {
    address: object({ kind: kind('address') }),
    resolved: object({ kind: kind('resolved') }),
    unresolved: object({ kind: kind('unresolved'), code: word }),
  }),
  addresses: list(address, MAX_ADDRESSES),
});
const broadcast: Decoder<BroadcastEvidence> = object({
  interface: word,
  family: literal(4, 6),
  to: word,
  unsent: optional(word),
  answers: list(object({ guid: word, address: word }), 1_024),
});

export const evidence: Decoder<Evidence> = object({
  self,
  known: list(known, 4_096),
  broadcasts: list(broadcast, 256),
  hosts: list(host, MAX_HOSTS),
});
