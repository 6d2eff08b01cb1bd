import { mkdtemp, rename, rm, unlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { SECOND } from '@keyhaven/core/time';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSimulatedClock } from '../simulated-clock.testing.ts';
import { watchConfiguration } from './watch.ts';

describe('a file of settings that is watched', () => {
  let directory = '';
  let close = (): void => undefined;
  const file = () => join(directory, 'keyhaven.ini');
  beforeEach(async () => {
    directory = await mkdtemp(join(tmpdir(), 'keyhaven-'));
    await writeFile(file(), 'name = first\n');
  });
  afterEach(async () => {
    close();
    await rm(directory, { recursive: true });
  });

  /** Simulated time passes a little at a time. */
  const follow = async () => {
    const clock = createSimulatedClock();
    const said: string[] = [];
    const watch = watchConfiguration({
      file: file(),
      overrides: { port: 2000 },
      clock,
      onConfiguration: ({ settings, notes }) => void said.push(`${settings.name} ${settings.port} ${notes.length}`),
      onFault: (error) => void said.push(error instanceof Error ? `fault ${error.message}` : 'fault'),
    });
    close = watch.close;
    const turn = () => new Promise((done) => setTimeout(done, 2));
    for (let index = 0; index < 10; index += 1) await turn();
    return {
      clock,
      /** What is said within so much time, or as soon as it is so many things. */
      async within(milliseconds: number, count = 1): Promise<string[]> {
        for (let passed = 0; passed < milliseconds && said.length < count; passed += 50) {
          clock.advance(50);
          await turn();
        }
        for (let index = 0; index < 10; index += 1) await turn();
        return said.splice(0);
      },
    };
  };

  it('is read again when it is written, in place or by a new file in its place, once for each text', async () => {
    const { within } = await follow();
    await writeFile(file(), 'name = second\ndisable_um = 1\n');
    expect(await within(30 * SECOND)).toEqual(['second 2000 1']);
    await writeFile(join(directory, 'new'), 'name = third\n');
    await rename(join(directory, 'new'), file());
    expect(await within(30 * SECOND)).toEqual(['third 2000 0']);
    await writeFile(file(), 'name = third\n');
    expect(await within(30 * SECOND)).toEqual([]);
  });

  it('says a fault once, with its line, and goes on', async () => {
    const { within } = await follow();
    await writeFile(file(), 'nmae = x\n');
    expect(await within(30 * SECOND)).toEqual([expect.stringMatching(/^fault .*line 1: nmae is unknown/)]);
    expect(await within(30 * SECOND)).toEqual([]);
    await unlink(file());
    expect(await within(30 * SECOND)).toEqual([expect.stringMatching(/^fault .*it is not there/)]);
    expect(await within(30 * SECOND)).toEqual([]);
    await writeFile(file(), 'name = back\n');
    expect(await within(30 * SECOND)).toEqual(['back 2000 0']);
  });

  it('is followed where the system tells nothing, every ten seconds', async () => {
    const { within, clock } = await follow();
    // What came by the watch is called off as long as the text has not been quiet.
    await writeFile(file(), 'name = second\n');
    clock.advance(10 * SECOND);
    expect(await within(0)).toEqual(['second 2000 0']);
  });

  it('is left alone when the watch is closed', async () => {
    const { within, clock } = await follow();
    close();
    await writeFile(file(), 'name = second\n');
    expect(await within(30 * SECOND)).toEqual([]);
    expect(clock.waiting).toBe(0);
  });
});
