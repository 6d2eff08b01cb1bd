import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import {
  bytesSaid,
  differences,
  differencesOnWire,
  postedMeans,
  RELEASE,
  readTape,
  record,
  replayAnswerer,
  replayApplication,
  replayCaller,
  replayLm,
  type Spoken,
  scenes,
  tapeUrl,
} from '@keyhaven/testkit/conversation';
import { createRandom } from '@keyhaven/testkit/world';
import { describe, expect, it } from 'vitest';

// T6: an application and an LM of different releases understand each other. vectors/conversations holds what both said when a release was
// made; each side of it is played against the other side of today. What a later release has to keep is `differences`: everything that an old
// application or LM reads, with the same value. The release that was recorded says the same bytes, too.
//
// RECORD_CONVERSATIONS=1 writes those that are missing, with their digests, and never one that is there: what was released does not change.

const folder = new URL('../../vectors/conversations/', import.meta.url);
const sums = new URL('SHA256SUMS', folder);
const digestOf = (name: string): string =>
  createHash('sha256')
    .update(readFileSync(tapeUrl(name)))
    .digest('hex');
const recorded = (): string[] =>
  readdirSync(folder)
    .filter((file) => file.endsWith('.json'))
    .map((file) => file.slice(0, -'.json'.length))
    .sort();

if (process.env['RECORD_CONVERSATIONS'] === '1') {
  mkdirSync(folder, { recursive: true });
  for (const { name } of scenes) {
    if (existsSync(tapeUrl(name))) continue;
    writeFileSync(tapeUrl(name), `${JSON.stringify(await record(name), undefined, 1)}\n`);
    writeFileSync(sums, `${digestOf(name)}  ${name}.json\n`, { flag: 'a' });
  }
}

const spare = () => createRandom('drawn by no one then').entropy;
const tapes = recorded().map((name) => readTape(name));
const localTapes = tapes.filter(({ spoken }) => spoken.length > 0);
const linkTapes = tapes.filter(({ posted }) => posted.length > 0);

describe('recorded conversations (T6)', () => {
  it('are those that were released, byte for byte', () => {
    const frozen = readFileSync(sums, 'utf8').trimEnd().split('\n').sort();
    expect(
      recorded()
        .map((name) => `${digestOf(name)}  ${name}.json`)
        .sort(),
    ).toEqual(frozen);
  });

  it('are of every kind, with every message of the local protocol and every block of the link', () => {
    const said = localTapes.flatMap(({ spoken }) =>
      spoken.flatMap((each) => ('frames' in each ? each.frames.map(({ name }) => name) : [])),
    );
    const ofApplication = ['hello', 'find', 'open', 'record', 'close', 'update', 'ask', 'transfer'];
    const ofLm = ['welcome', 'found', 'opened', 'lost', 'refused', 'updated', 'told'];
    expect([...new Set(said)]).toEqual(expect.arrayContaining([...ofApplication, ...ofLm]));
    const calls = localTapes.flatMap(({ spoken }) => callsIn(spoken));
    const kinds = [
      'login',
      'resume',
      'logout',
      'read',
      'write',
      'encrypt',
      'decrypt',
      'size',
      'clock',
      'info',
      'consume',
      'wait',
      'withdraw',
    ];
    expect([...new Set(calls)]).toEqual(expect.arrayContaining(kinds));
    const blocks = linkTapes.flatMap(({ posted }) => posted.flatMap(({ asks, says }) => [...asks, ...says].map(({ kind }) => kind)));
    const all = [
      'hello',
      'confirm',
      'open',
      'opened',
      'record',
      'close',
      'attached',
      'detached',
      'release',
      'renew',
      'renewed',
      'ask changes',
    ];
    expect([...new Set(blocks)]).toEqual(expect.arrayContaining([...all, 'changes', 'more', 'listen']));
  });
});

/** Kinds of the calls inside of the records of an application. */
const callsIn = (spoken: readonly Spoken[]): string[] =>
  spoken.flatMap((each) => {
    if (each.from !== 'application' || !('frames' in each)) return [];
    return each.frames.flatMap(({ says }) =>
      [...JSON.stringify(says?.['inside'] ?? '').matchAll(/"kind":"(\w+)"/g)].map(([, kind = '']) => kind),
    );
  });

describe('conversations of the local protocol', () => {
  it.each(localTapes)('$name of $release: an old application is served by the license manager of today', async (tape) => {
    const today = await replayApplication(tape, spare());
    expect(differencesOnWire(tape.spoken, today)).toEqual([]);
    if (tape.release === RELEASE) expect(bytesSaid(today, 'lm')).toEqual(bytesSaid(tape.spoken, 'lm'));
  });

  it.each(localTapes)('$name of $release: an old license manager serves the Licensing API of today', async (tape) => {
    const { script, said } = await replayLm(tape, spare());
    expect(differences(tape.script, script)).toEqual([]);
    if (tape.release === RELEASE && tape.script.length > 0)
      expect(bytesSaid(said, 'application')).toEqual(bytesSaid(tape.spoken, 'application'));
  });
});

describe('conversations between license managers', () => {
  it.each(linkTapes)('$name of $release: one that asked is answered by one of today', async (tape) => {
    const today = await replayCaller(tape, spare());
    expect(differences(tape.posted.map(postedMeans), today.map(postedMeans))).toEqual([]);
    if (tape.release === RELEASE) expect(today.map(({ answer }) => answer)).toEqual(tape.posted.map(({ answer }) => answer));
  });

  it.each(linkTapes)('$name of $release: one that answered serves one of today', async (tape) => {
    const { script, asked } = await replayAnswerer(tape, spare());
    expect(differences(tape.script, script)).toEqual([]);
    if (tape.release === RELEASE) expect(asked).toEqual(tape.posted.map(({ path, request }) => `${path} ${request}`));
  });
});

describe('what counts as a difference', () => {
  const [tape] = localTapes.filter(({ name }) => name === 'local-session');
  /** The recording, with one thing in it said otherwise. */
  const changed = (change: (text: string) => string): string[] => {
    if (tape === undefined) throw new Error('no recording');
    const text = change(JSON.stringify(tape.spoken));
    expect(text).not.toBe(JSON.stringify(tape.spoken));
    const other: unknown = JSON.parse(text);
    return differencesOnWire(tape.spoken, other as readonly Spoken[]);
  };
  const more = (text: string): string => text.replace('"idleMs":600000', '"idleMs":600000,"news":1');

  it.each([
    ['another value in a welcome', (text: string) => text.replace('"idleMs":600000', '"idleMs":420000')],
    ['another status', (text: string) => text.replace('"status":38', '"status":7')],
    ['another body', (text: string) => text.replace('"to":"clock","status":0,"body":"0', '"to":"clock","status":0,"body":"1')],
    ['a candidate more', (text: string) => text.replace(/"candidates":\[(\{.*?\}\})\]/, '"candidates":[$1,$1]')],
    [
      'another answer of a key',
      (text: string) => text.replace('"kind":"opened","channel":3,"answer":"01', '"kind":"opened","channel":3,"answer":"02'),
    ],
    ['a number missing from an info', (text: string) => text.replace('"seats":1,"since"', '"since"')],
    ['an answer missing', (text: string) => text.replace('"name":"found"', '"name":"found?"').replace('"kind":"found"', '"kind":"lost"')],
  ])('%s is one', (_, change) => expect(changed(change)).not.toEqual([]));

  it.each([
    ['a field more, where an application passes over it', more],
    ['another wording for people', (text: string) => text.replaceAll(/"detail":"[^"]+"/g, '"detail":"Said otherwise."')],
    [
      'another wording of a refusal inside of a channel',
      (text: string) => text.replace(/"status":38,"body":"[^"]+"/, '"status":38,"body":"Full."'),
    ],
  ])('%s is none', (_, change) => expect(changed(change)).toEqual([]));
});
