import { Buffer } from 'node:buffer';
import { encodeFrame } from '@keyhaven/core/wire';
import type { Step } from './script.ts';

// The conversations that are recorded of every release: what applications ask for, and what goes wrong between them and an LM.

const feature = (id: number, seats: number | 'unlimited', more = ''): string => `
      - { id: ${id}, name: Feature ${id}, license: { type: perpetual }, concurrency: { seats: ${seats}, network: true }${more} }`;
export const catalog = `
products:
  - id: 1
    name: Survey
    rehost: true
    memory: { readWrite: 256, readOnly: 64, readOnlyData: { text: "for the survey fleet" }, dynamic: [{ id: 9, size: 64, access: rw }] }
    features:${feature(42, 2, ', detachable: true')}${feature(43, 1)}
      - { id: 44, name: Runs, license: { type: executions, count: 10 }, concurrency: { seats: unlimited } }
      - { id: 45, name: Until, license: { type: expiration, until: '2027-01-31', graceDays: 10 } }
      - { id: 46, name: Over, license: { type: expiration, until: '2026-01-31' } }
`;
/** Feature 43 is gone, feature 47 is new. */
export const changedCatalog = catalog.replace(feature(43, 1), feature(47, 'unlimited'));

export type SceneText = {
  readonly name: string;
  readonly about: string;
  script(of: { readonly update: string; readonly recipient: string }): readonly Step[];
  readonly raw?: readonly Uint8Array[];
};

const text = (words: string): string => Buffer.from(words).toString('hex');
const login = (as: string, id: number, more: object = {}): Step => ({ do: 'login', as, with: { feature: id, ...more } });
const off = (on: string): Step => ({ do: 'logout', on });

const hello = (from: number, to: number): Buffer =>
  encodeFrame(1, (out) => out.u16(0x4b48).u8(from).u8(to).u32(4_711).u53(99).text('ann').text('host-0').text('sounder'));

export const localScenes: readonly SceneText[] = [
  {
    name: 'local-session',
    about: 'An application logs in, uses its session in every way, is refused what it cannot have, and logs out.',
    script: () => [
      { do: 'find', with: { feature: 42 } },
      login('a', 42),
      { do: 'encrypt', on: 'a', bytes: text('sixteen bytes or more'), as: 'sealed' },
      { do: 'decrypt', on: 'a', what: 'sealed' },
      { do: 'read', on: 'a', file: 0xfff5, offset: 0, length: 20 },
      { do: 'write', on: 'a', file: 0xfff4, offset: 3, bytes: text('kept') },
      { do: 'read', on: 'a', file: 0xfff4, offset: 0, length: 8 },
      { do: 'write', on: 'a', file: 9, offset: 0, bytes: text('dynamic') },
      { do: 'size', on: 'a', file: 9 },
      { do: 'clock', on: 'a' },
      { do: 'info', on: 'a' },
      { do: 'read', on: 'a', file: 0xfff4, offset: 250, length: 8 },
      { do: 'write', on: 'a', file: 0xfff5, offset: 0, bytes: text('no') },
      { do: 'encrypt', on: 'a', bytes: text('short') },
      login('runs', 44, { executions: 2 }),
      { do: 'consume', on: 'runs', executions: 3 },
      { do: 'consume', on: 'runs', executions: 6 },
      { do: 'info', on: 'runs' },
      login('until', 45, { dieAtExpiration: true }),
      login('a2', 42),
      login('a3', 42),
      login('none', 99),
      login('over', 46),
      login('elsewhere', 42, { scope: '<haspscope><hasp id="1"/></haspscope>' }),
      login('key', 0),
      off('a'),
      { do: 'info', on: 'a' },
      off('a2'),
      off('runs'),
      off('until'),
      off('key'),
    ],
  },
  {
    name: 'local-waiting',
    about:
      'An application waits in line for the only seat of a feature, is told its place, and gets the seat when it is given back; another wait ends in time.',
    script: () => [
      login('first', 43),
      { do: 'login', as: 'second', with: { feature: 43, wait: { timeoutMs: 3_600_000 } }, later: true },
      { do: 'pass', milliseconds: 65_000 },
      off('first'),
      { do: 'await', as: 'second' },
      { do: 'login', as: 'third', with: { feature: 43, wait: { timeoutMs: 30_000 } } },
      off('second'),
    ],
  },
  {
    name: 'local-resume',
    about:
      'A session outlives its connection: the LM closes one that is not used, a second one breaks, and the application resumes the session each time.',
    script: () => [
      login('a', 42),
      { do: 'pass', milliseconds: 11 * 60_000 },
      { do: 'info', on: 'a' },
      { do: 'cut' },
      { do: 'pass', milliseconds: 5_000 },
      { do: 'read', on: 'a', file: 0xfff4, offset: 0, length: 4 },
      off('a'),
    ],
  },
  {
    name: 'local-ask',
    about: 'An application asks what is there, without taking a seat, as data and in the forms of existing programs.',
    script: () => [
      { do: 'information', with: {} },
      { do: 'information', with: { format: '<haspformat root="x"><feature><attribute name="id"/></feature></haspformat>' } },
      { do: 'information', with: { format: 'updateinfo' } },
      { do: 'information', with: { format: 'host_fingerprint' } },
      { do: 'information', with: { format: '<haspformat root="location"/>' } },
      { do: 'information', with: { scope: '<haspscope><hasp id="1"/></haspscope>' } },
    ],
  },
  {
    name: 'local-update',
    about:
      'An application applies an update, which ends the session of a feature that is gone; applied again, and a file that is none, are refused.',
    script: ({ update }) => [
      login('gone', 43),
      login('stays', 42),
      { do: 'update', document: update },
      { do: 'read', on: 'gone', file: 0xfff4, offset: 0, length: 4 },
      { do: 'read', on: 'stays', file: 0xfff4, offset: 0, length: 4 },
      login('new', 47),
      { do: 'update', document: update },
      { do: 'update', document: 'no license' },
    ],
  },
  {
    name: 'local-transfer',
    about: 'An application asks for the ID of its computer, detaches a license for another computer, and asks for what it cannot have.',
    script: ({ recipient }) => [
      { do: 'recipient' },
      { do: 'transfer', with: { action: 'detach', scope: '<haspscope><product id="1"/></haspscope>', recipient, duration: 3_600 } },
      {
        do: 'transfer',
        with: { action: 'network_detach', scope: '<haspscope><product id="1"/></haspscope>', recipient, duration: 3_600, seats: 9 },
      },
      { do: 'transfer', with: { action: 'cancel', scope: '<haspscope><product id="1"/></haspscope>' } },
      {
        do: 'transfer',
        with: { action: 'detach', scope: '<haspscope><product id="1"/></haspscope>', recipient: 'no ID', duration: 3_600 },
      },
    ],
  },
  {
    name: 'local-refused',
    about: 'What applications say that are too new, too old, or none: how each is turned away.',
    script: () => [],
    raw: [
      hello(2, 3),
      hello(0, 0),
      hello(3, 2),
      Buffer.concat([hello(1, 255), encodeFrame(9, (out) => out.u32(5))]),
      Buffer.concat([hello(1, 1), hello(1, 1)]),
      Buffer.concat([hello(1, 1), encodeFrame(200, (out) => out.u32(1))]),
      encodeFrame(9, (out) => out.u32(1)),
      Buffer.from('00100001', 'hex'),
    ],
  },
];

export const linkScenes: readonly SceneText[] = [
  {
    name: 'link-session',
    about:
      'An application uses a key of another computer through its own LM: the two LMs prove themselves to each other, the catalog is asked for, a channel is opened, sessions are used, renewed, waited for and refused, and the seats of the application that ended are given back.',
    script: () => [
      { do: 'pass', milliseconds: 5_000 },
      { do: 'find', with: { feature: 42 } },
      login('a', 42),
      { do: 'encrypt', on: 'a', bytes: text('sixteen bytes or more'), as: 'sealed' },
      { do: 'decrypt', on: 'a', what: 'sealed' },
      { do: 'write', on: 'a', file: 0xfff4, offset: 3, bytes: text('kept') },
      { do: 'read', on: 'a', file: 0xfff4, offset: 0, length: 8 },
      { do: 'info', on: 'a' },
      { do: 'information', with: {} },
      login('over', 46),
      { do: 'pass', milliseconds: 130_000 },
      { do: 'read', on: 'a', file: 0xfff4, offset: 0, length: 8 },
      login('first', 43),
      { do: 'login', as: 'second', with: { feature: 43, wait: { timeoutMs: 3_600_000 } }, later: true },
      { do: 'pass', milliseconds: 9_000 },
      off('first'),
      { do: 'await', as: 'second' },
      off('a'),
      login('left', 42),
      { do: 'end' },
      { do: 'pass', milliseconds: 10_000 },
    ],
  },
];
