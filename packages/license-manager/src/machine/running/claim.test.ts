import { Buffer } from 'node:buffer';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { secretKey } from '@keyhaven/core/crypto';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createSimulatedClock } from '../../simulated-clock.testing.ts';
import { type Claim, claimState } from './claim.ts';
import { type Place, placesOf, SLOTS } from './places.ts';
import { aboutSocket, probe } from './probe.ts';
import { heard, isLater, type RunningLm, say } from './proof.ts';

// S20: one license manager for one state on one computer, whoever else takes its places.

const key = secretKey(Buffer.alloc(32, 7));
const stranger = secretKey(Buffer.alloc(32, 8));

let folder: string;
const running: { close(): Promise<void> | void }[] = [];
const children: ChildProcess[] = [];
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kh-run-'));
});
afterEach(async () => {
  for (const child of children.splice(0)) child.kill('SIGKILL');
  for (const each of running.splice(0)) await each.close();
  rmSync(folder, { recursive: true, force: true });
});

const socketsIn = (name: string): readonly Place[] =>
  Array.from({ length: SLOTS }, (_, slot): Place => {
    const path = join(folder, `${name}-${slot}`);
    return { kind: 'socket', path, record: `${path}.json` };
  });
const places = () => [socketsIn('a'), socketsIn('b')];
const lmAt = (pid: number, directory = `/state/${pid}`) => ({ pid, start: 1_000 + pid, directory, port: 1_947 + pid });

const clock = createSimulatedClock();
const conflicts: LicensingError[] = [];
const claim = async (pid: number, at = places(), of = key): Promise<Claim> => {
  const made = await claimState({ key: of, lm: lmAt(pid), clock, places: at, onConflict: (error) => conflicts.push(error) });
  running.push(made);
  return made;
};
const refusalOf = async (work: Promise<unknown>): Promise<LicensingError> => {
  try {
    await work;
  } catch (error) {
    if (error instanceof LicensingError) return error;
    throw error;
  }
  throw new Error('was not refused');
};
/** Somebody at this place who does as `answer` says. */
const squat = async (path: string, answer: (said: Buffer) => string | undefined): Promise<Server> => {
  const server = createServer((socket) => {
    socket.on('error', () => undefined);
    socket.on('data', (said: Buffer) => {
      const text = answer(said);
      if (text !== undefined) socket.end(text);
    });
  });
  server.listen(path);
  await once(server, 'listening');
  running.push({ close: () => new Promise<void>((done) => void server.close(() => done())) });
  return server;
};

/** A license manager as a process of its own, with a socket and a record, that can be stopped and killed. */
const child = async (path: string): Promise<ChildProcess> => {
  const script = `require('node:net').createServer(() => undefined).listen(${JSON.stringify(path)}, () => console.log('there'))`;
  const made = spawn(process.execPath, ['-e', script], { stdio: ['ignore', 'pipe', 'ignore'] });
  children.push(made);
  await once(made.stdout, 'data');
  return made;
};

describe('a second license manager with one state', () => {
  it('is refused (84) with process, directory and port of the first one, and leaves no trace', async () => {
    await claim(1);
    const before = readdirSync(folder).sort();
    const { status, detail } = await refusalOf(claim(2));
    expect(status).toBe(Status.SHARING_VIOLATION);
    expect(detail).toContain('process id 1,');
    expect(detail).toContain('state directory /state/1, TCP port 1948');
    expect(detail).toContain('The state directory /state/2 is a copy of one');
    expect(readdirSync(folder).sort()).toEqual(before);
  });

  it('is refused by any of the means alone', async () => {
    await claim(1, [socketsIn('a')]);
    expect((await refusalOf(claim(2))).status).toBe(Status.SHARING_VIOLATION);
  });

  it('starts when the first one has ended, or does so meanwhile', async () => {
    const first = await claim(1);
    await first.close();
    expect(readdirSync(folder)).toEqual([]);
    const second = await claim(2);
    setTimeout(() => void second.close(), 150);
    await claim(3);
  });

  it('of several that start at once, one runs at most', async () => {
    const outcomes = await Promise.allSettled([claim(1), claim(2), claim(3)]);
    expect(outcomes.filter(({ status }) => status === 'fulfilled').length).toBeLessThanOrEqual(1);
    for (const outcome of outcomes) if (outcome.status === 'rejected') expect(outcome.reason).toBeInstanceOf(LicensingError);
  });

  it('of another state does not meet it', async () => {
    await claim(1);
    await claim(2, places(), stranger);
    expect((await refusalOf(claim(3, places(), stranger))).detail).toContain('process id 2,');
  });
});

describe('what is left of one that was killed', () => {
  it('keeps nobody out', async () => {
    const at = places();
    const dead = await child(at[0]?.[0]?.path ?? '');
    dead.kill('SIGKILL');
    await once(dead, 'exit');
    writeFileSync(join(folder, 'b-0'), 'no socket at all');
    await claim(1);
    expect((await refusalOf(claim(2))).status).toBe(Status.SHARING_VIOLATION);
  });
});

describe('one that is stopped', () => {
  it('is known by what it wrote beside its socket, and by that socket alone', async () => {
    const place = socketsIn('a')[0]!;
    if (place.kind !== 'socket') throw new Error('no socket');
    const stopped = await child(place.path);
    const lm: RunningLm = { ...lmAt(9), instance: 'a'.repeat(32) };
    const record = say(key, aboutSocket(place.path), lm);
    writeFileSync(place.record, record);
    stopped.kill('SIGSTOP');
    expect(await probe(place, key, 50)).toEqual({ kind: 'same', lm });
    writeFileSync(place.record, say(stranger, aboutSocket(place.path), lm));
    expect(await probe(place, key, 50)).toEqual({ kind: 'stranger' });
    // A record that was copied beside another socket.
    const other = socketsIn('b')[0]!;
    if (other.kind !== 'socket') throw new Error('no socket');
    (await child(other.path)).kill('SIGSTOP');
    writeFileSync(other.record, record);
    expect(await probe(other, key, 50)).toEqual({ kind: 'stranger' });
  });
});

describe('somebody who takes its places', () => {
  it.each<[string, (said: Buffer) => string | undefined]>([
    ['and is silent', () => undefined],
    ['and says something', () => 'go away\n'],
    ['and proves another key', (said) => say(stranger, said, { ...lmAt(5), instance: 'b'.repeat(32) })],
    ['and repeats what one said before', () => say(key, Buffer.alloc(32), { ...lmAt(5), instance: 'b'.repeat(32) })],
    ['and never stops talking', () => 'x'.repeat(40_000)],
  ])(
    '%s keeps neither it out nor the second one in',
    async (_, answer) => {
      for (const name of ['a-0', 'a-1', 'b-0']) await squat(join(folder, name), answer);
      await claim(1);
      const { detail } = await refusalOf(claim(2));
      expect(detail).toContain('process id 1,');
    },
    60_000,
  );
});

describe('one that could not be seen when this one started', () => {
  it('and was first: this one is told to end; the first one is not', async () => {
    const earlier: RunningLm = { ...lmAt(1), instance: 'c'.repeat(32) };
    await claim(2);
    conflicts.length = 0;
    await squat(join(folder, 'a-1'), (said) => say(key, said, earlier));
    clock.advance(31_000);
    await expect.poll(() => conflicts.map(({ status }) => status)).toEqual([Status.SHARING_VIOLATION]);
  });

  it('has the same opinion of who is later', () => {
    const [a, b] = [
      { ...lmAt(1), instance: 'a'.repeat(32) },
      { ...lmAt(2), instance: 'b'.repeat(32) },
    ];
    expect([isLater(a, b), isLater(b, a), isLater(a, a)]).toEqual([false, true, false]);
  });
});

describe('what is said', () => {
  it('counts with its key, for its question, whole', () => {
    const lm: RunningLm = { ...lmAt(1), instance: 'a'.repeat(32) };
    const nonce = Buffer.alloc(32, 1);
    const line = say(key, nonce, lm);
    expect(heard(key, nonce, line)).toEqual(lm);
    expect(heard(stranger, nonce, line)).toBeUndefined();
    expect(heard(key, Buffer.alloc(32, 2), line)).toBeUndefined();
    for (let cut = 0; cut < line.length - 1; cut += 1) expect(heard(key, nonce, line.slice(0, cut))).toBeUndefined();
    expect(heard(key, nonce, line.replace('1948', '1949'))).toBeUndefined();
  });

  it('is short enough for its places, on every system', () => {
    for (const platform of ['linux', 'darwin', 'win32'] as const) {
      const paths = placesOf('f'.repeat(32), platform).flat();
      expect(paths.every(({ path }) => path.length < 100)).toBe(true);
      expect(new Set(paths.map(({ path }) => path)).size).toBe(paths.length);
    }
    expect(placesOf('f'.repeat(32), 'win32')[0]?.[0]?.path).toBe(`\\\\.\\pipe\\keyhaven-${'f'.repeat(32)}-0`);
  });

  it('is readable by others, and by nobody changeable', async () => {
    await claim(1);
    expect(readFileSync(join(folder, 'a-0.json'), 'utf8')).toContain('/state/1');
  });
});
