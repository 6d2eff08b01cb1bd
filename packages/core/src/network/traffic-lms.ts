import { DATAGRAM_BYTES, ENTRIES_LIMIT, ENTRY_BYTES } from '../discovery/datagram.ts';
import { MAX_BODY } from '../link/index.ts';
import { exactly, type Kind, OWN_PORT, type Range, type Words } from './kinds.ts';

// Between license managers: datagrams, and the requests of a link.

const DATAGRAM = exactly(DATAGRAM_BYTES);
/** A count of one byte and the entries behind the 40 bytes (D2). */
const CHANGED: Range = { least: DATAGRAM_BYTES + 1, most: DATAGRAM_BYTES + 1 + ENTRIES_LIMIT * ENTRY_BYTES };
const padded = (bytes: number): number => Math.ceil(bytes / 3) * 4;
const unpadded = (bytes: number): number => Math.ceil((bytes * 4) / 3);
/** What stands in front of the blocks of a body (K6), and a block without contents. */
const BODY_HEAD = 4 + 8 + 32;
const EMPTY_BLOCK = 5;
const NAME = 255;
const BODY: Range = { least: padded(BODY_HEAD), most: padded(BODY_HEAD + MAX_BODY) };
const LMS = 'the LM that searches';

export const betweenLms = {
  search: {
    layer: 'datagram',
    transport: 'UDP',
    trigger: 'An LM starts, the interval is over, or an interface or a search parameter is new; somebody runs keyhaven net doctor.',
    from: 'Admin LM; External and Integrated LM only to broadcast addresses among their search parameters, and to their subnets where that is set',
    to: 'the broadcast address of each IPv4 subnet and ff02::1 on each interface with IPv6 (where broadcast search is on), and each address of the search parameters',
    ports: '1947 to 1947 (External and Integrated LM, and the doctor besides: any to 1947)',
    bytes: DATAGRAM,
    interval:
      'once per destination and interval: five minutes or more, and up to a fifth of it at random; never twice within five minutes; by the doctor three in 1.2 s',
    purpose: 'Asks who else is a license manager.',
    clause: 'R1 R2 R4, D5 to D7 D19',
  },
  hint: {
    layer: 'datagram',
    transport: 'UDP',
    trigger: 'A license manager that is not known yet has said that it started or that its keys changed.',
    from: 'Admin LM',
    to: 'the address that said so',
    ports: '1947 to 1947',
    bytes: DATAGRAM,
    interval: 'once per address within five minutes, ten a second at most',
    purpose: 'Asks a stranger whether it is a license manager, before it is believed.',
    clause: 'R5, D16',
  },
  answer: {
    layer: 'datagram',
    transport: 'UDP',
    trigger: 'A search or hint came in; the doctor of another LM asks for one on its link.',
    from: 'Admin LM',
    to: 'the address and port that asked',
    ports: '1947 to the port that asked',
    bytes: DATAGRAM,
    interval:
      'one per question, after 0 to 20 ms; 20 a second to one address at most; among more than 32 LMs those without keys answer a broadcast by chance',
    purpose: 'Says that a license manager is here. Never larger than the question.',
    clause: 'R5, D9 to D11 D18 D19',
  },
  started: {
    layer: 'datagram',
    transport: 'UDP',
    trigger: 'The first search to a destination has gone out.',
    from: 'Admin LM',
    to: 'where the search went, and the LMs that are connected',
    ports: '1947 to 1947',
    bytes: DATAGRAM,
    interval: 'once per start and destination',
    purpose: 'Others notice this license manager now and not at their next search.',
    clause: 'R6, D13',
  },
  stopping: {
    layer: 'datagram',
    transport: 'UDP',
    trigger: 'An LM stops in good order.',
    from: 'Admin LM',
    to: 'where the search goes, and the LMs that are connected',
    ports: '1947 to 1947',
    bytes: DATAGRAM,
    interval: 'once per stop and destination',
    purpose: 'Others do not wait for an LM that is gone.',
    clause: 'R6, D13',
  },
  changed: {
    layer: 'datagram',
    transport: 'UDP',
    trigger: 'A key was added or removed, or its license changed; an LM with keys has started.',
    from: 'Admin LM',
    to: 'where the search goes, and the LMs that are connected',
    ports: '1947 to 1947',
    bytes: CHANGED,
    interval: 'changes of 20 ms together; eight at once, then one a second',
    purpose: 'Others ask for the change now and not at their next search. Carries ids of keys and no license.',
    clause: 'R6, D2 D13 to D18',
  },
  stray: {
    layer: 'datagram',
    transport: 'UDP',
    trigger: 'Something that is no license manager sends to the port.',
    from: 'anybody',
    to: 'the Admin LM',
    ports: 'any to 1947',
    bytes: { least: 0, most: 65_507 },
    interval: 'as others try',
    purpose: 'None: it is dropped without an answer.',
    clause: 'D3',
  },
  link: {
    layer: 'connection',
    transport: 'TCP',
    trigger: 'An LM was found, and is connected; somebody runs keyhaven net doctor.',
    from: 'Admin, External or Integrated LM',
    to: 'the LM that was found, by the address family that found it',
    ports: OWN_PORT,
    bytes: BODY,
    answer: { least: 0, most: BODY.most },
    interval:
      'one connection per LM, a second one while somebody waits for a seat; kept alive, closed when unused for two minutes, opened again when needed',
    purpose: 'Carries the HTTP requests hello, confirm, exchange and listen.',
    clause: 'R3 R7 R8',
  },
  hello: {
    layer: 'request',
    transport: 'HTTP POST /lm/v1/hello',
    trigger:
      'An LM is connected for the first time, or again after its link was lost; a search parameter is asked by TCP (External and Integrated LM, and search.aggressive).',
    from: LMS,
    to: 'the LM that was found',
    ports: OWN_PORT,
    bytes: { least: unpadded(100), most: unpadded(100 + NAME) },
    answer: { least: unpadded(167), most: unpadded(167 + NAME) },
    interval:
      'once per link and per search by TCP; a lost LM whose keys were known after 1, 2, 5, 10, 20 s, then each minute for five minutes',
    purpose: 'Each license manager tells the other who it is; the answer is signed.',
    clause: 'R7, K2 to K5',
  },
  confirm: {
    layer: 'request',
    transport: 'HTTP POST /lm/v1/confirm',
    trigger: 'A hello was answered.',
    from: LMS,
    to: 'the LM that answered',
    ports: OWN_PORT,
    bytes: { least: unpadded(68), most: unpadded(165) },
    answer: exactly(0),
    interval: 'once per link',
    purpose: 'Proves the identity of the license manager that calls, and for an External or Integrated LM on which computer it runs.',
    clause: 'R7, K3 K34',
  },
  exchange: {
    layer: 'request',
    transport: 'HTTP POST /lm/v1/exchange',
    trigger:
      'A new link, a change that was told, an application that uses a remote key, an application that ended, a renewal that is due, a question of the doctor.',
    from: LMS,
    to: 'the LM with the keys',
    ports: OWN_PORT,
    bytes: BODY,
    answer: BODY,
    interval: 'when needed; once a minute while an application holds a remote seat; at once again where an answer says that more follows',
    purpose: 'Lists of keys (changes only, after the first), sealed records between application and key, renewal and return of seats.',
    clause: 'R3 R7 R8, K6 to K14 K20',
  },
  listen: {
    layer: 'request',
    transport: 'HTTP POST /lm/v1/listen',
    trigger: 'An application waits in line for a seat of a remote key.',
    from: LMS,
    to: 'the LM with the key',
    ports: OWN_PORT,
    bytes: exactly(padded(BODY_HEAD)),
    answer: { least: padded(BODY_HEAD), most: padded(BODY_HEAD + 2 * EMPTY_BLOCK) },
    interval: 'held open for four seconds, then again, as long as somebody waits',
    purpose: 'The one who waits hears at once that it is his turn.',
    clause: 'A4, K19',
  },
} as const satisfies Partial<Record<Kind, Words>>;
