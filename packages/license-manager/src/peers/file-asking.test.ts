import { Buffer } from 'node:buffer';
import { LicensingError } from '@keyhaven/core/errors';
import { type Block, FILE_PART, type FileAnswer, type FileQuestion, fileParts } from '@keyhaven/core/link';
import { SECOND } from '@keyhaven/core/time';
import { describe, expect, it } from 'vitest';
import { createCaller, createPeerOf, settle } from './link-peers.testing.ts';

// K26, K27 from the caller's side: what other license managers answer, or do not, when they are asked to lend.

const wish = { what: 'detach', key: '7', product: 1, seconds: 60, seats: undefined } as const;
const ID = Buffer.from('an ID');
const questionsIn = (asked: readonly Block[]): FileQuestion[] => asked.flatMap((block) => (block.kind === 'ask file' ? [block] : []));
const catalogFor = (asked: readonly Block[]): Block[] =>
  asked.some(({ kind }) => kind === 'ask changes' || kind === 'ask catalog')
    ? [
        asked.some(({ kind }) => kind === 'ask changes')
          ? { kind: 'changes', since: 0, version: 1, more: false, removed: [], json: '[]' }
          : { kind: 'catalog', version: 1, json: '[]' },
      ]
    : [];
const refusal = (number: number, more: Partial<FileAnswer> = {}): FileAnswer => ({
  kind: 'file',
  number,
  more: false,
  status: 38,
  detail: 'All taken.',
  remedy: 'Wait.',
  part: Buffer.alloc(0),
  ...more,
});

const linked = async (say: (questions: readonly FileQuestion[]) => readonly Block[], versions = { from: 1, to: 3 }) => {
  const seen: FileQuestion[] = [];
  const there = createPeerOf(
    2,
    (asked) => {
      const questions = questionsIn(asked);
      seen.push(...questions);
      return [...catalogFor(asked), ...say(questions)];
    },
    versions,
  );
  const caller = await createCaller(new Map([['10.0.0.2', there.post]]));
  caller.peers.found(there.guid, { host: '10.0.0.2', port: 1947 });
  await settle();
  const peer = caller.peers.get(there.guid);
  if (peer === undefined) throw new Error('no peer');
  const ask = async (): Promise<Buffer | LicensingError> => {
    try {
      return await peer.askFile(wish, ID);
    } catch (error) {
      if (error instanceof LicensingError) return error;
      throw error;
    }
  };
  return { ...caller, peer, ask, seen };
};
const answer = (file: Uint8Array) => (questions: readonly FileQuestion[]) => questions.flatMap(({ number }) => fileParts(number, file));

describe('a question for a file (K26)', () => {
  it('gets it in as many parts as it has, and each its own', async () => {
    const large = Buffer.alloc(3 * FILE_PART + 5, 7);
    const { ask, seen } = await linked(answer(large));
    const [one, two] = await Promise.all([ask(), ask()]);
    expect([one, two]).toEqual([large, large]);
    expect(seen.map(({ number }) => number)).toEqual([1, 2]);
    expect(seen[0]).toMatchObject({ wish, document: ID });
  });

  it('gets the refusal as it was said, with what to do', async () => {
    const { ask } = await linked((questions) => questions.map(({ number }) => refusal(number)));
    expect(await ask()).toMatchObject({ status: 38, detail: 'All taken.', remedy: 'Wait.' });
  });

  it('of a status that nobody knows is 40, and says what was said', async () => {
    const { ask } = await linked((questions) => questions.map(({ number }) => refusal(number, { status: 9_999 })));
    expect(await ask()).toMatchObject({ status: 40, detail: 'All taken.' });
  });

  it.each([1, 2])('is not asked on a link of version %i: 42, which says whom to upgrade', async (to) => {
    const { ask, seen } = await linked(() => [], { from: 1, to });
    expect(await ask()).toMatchObject({
      status: 42,
      detail: `The license manager of peer speaks version ${to} of the link, and lending over the network needs version 3: upgrade the license manager of peer.`,
      remedy: expect.stringContaining('files'),
    });
    expect(seen).toEqual([]);
  });

  it('has four under way at a time; the others wait', async () => {
    let most = 0;
    const { ask, pass } = await linked((questions) => {
      most = Math.max(most, questions.length);
      return answer(Buffer.from('x'))(questions);
    });
    const all = Promise.all(Array.from({ length: 9 }, ask));
    await pass(2 * SECOND);
    expect((await all).every((each) => Buffer.isBuffer(each))).toBe(true);
    expect(most).toBe(4);
  });
});

describe('another license manager that behaves like none', () => {
  it('answers with another number: nobody waits for that, and the question had no answer', async () => {
    const { ask } = await linked((questions) => questions.flatMap(({ number }) => fileParts(number + 1, Buffer.from('forged'))));
    expect(await ask()).toMatchObject({ status: 40, detail: expect.stringContaining('gave no answer') });
  });

  it('says nothing to it', async () => {
    const { ask } = await linked(() => []);
    expect(await ask()).toMatchObject({ status: 40, detail: expect.stringContaining('gave no answer') });
  });

  it('says that there is more for ever: after 8 seconds it is 40', async () => {
    const { ask, pass } = await linked((questions) => (questions.length > 0 ? [{ kind: 'more' }] : [{ kind: 'more' }]));
    const asked = ask();
    await pass(21 * SECOND, 200);
    expect(await asked).toMatchObject({ status: 40, detail: expect.stringContaining('did not answer') });
  });

  it('sends more than a license can be, or parts of nothing: 40', async () => {
    const parts = (number: number, part: Buffer) =>
      Array.from({ length: 3 }, () => ({ ...refusal(number), status: 0, detail: '', remedy: '', more: true, part }));
    let number = 0;
    const { ask, pass } = await linked((questions) => {
      number = questions[0]?.number ?? number;
      return number === 0 ? [] : [...parts(number, Buffer.alloc(FILE_PART, 1)), { kind: 'more' }];
    });
    const asked = ask();
    await pass(10 * SECOND, 200);
    expect(await asked).toMatchObject({ status: 40, detail: expect.stringContaining('larger than a license') });
    const empty = await linked((questions) => questions.flatMap((each) => parts(each.number, Buffer.alloc(0))));
    expect(await empty.ask()).toMatchObject({ status: 40, detail: expect.stringContaining('larger than a license') });
  });

  it('answers what nobody asked: it is not read', async () => {
    const { peer } = await linked(() => fileParts(1, Buffer.from('unasked')));
    expect(peer.state).toBe('linked');
  });
});
