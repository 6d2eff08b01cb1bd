import { Buffer } from 'node:buffer';
import { randomBytes } from 'node:crypto';
import { unlinkSync, writeFileSync } from 'node:fs';
import { createServer, type Server, type Socket } from 'node:net';
import { hex, sameBytes } from '@keyhaven/core/bytes';
import type { KeyObject } from '@keyhaven/core/crypto';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { type Clock, SECOND } from '@keyhaven/core/time';
import { type Place, placesOf } from './places.ts';
import { aboutSocket, occupied, probe } from './probe.ts';
import { isLater, NONCE_BYTES, nameOf, type RunningLm, say } from './proof.ts';

// One license manager for one state on one computer (S20): a copy of a state directory has the same keys, so two that run beside each other would grant
// each seat twice. docs/decisions/0031-one-state-one-lm.md says what each means is for.

export type Claim = { close(): Promise<void> };
export type ClaimOptions = {
  /** Of the state: the same in every copy of it, and secret. */
  readonly key: KeyObject;
  readonly lm: Omit<RunningLm, 'instance'>;
  readonly clock: Clock;
  /** Another one with this state runs here after all, and was first. Called once. */
  readonly onConflict: (error: LicensingError) => void;
  readonly places?: readonly (readonly Place[])[];
};

/** One that is about to end when the next one starts has so long. */
const LEAVING_MS = [100, 200, 400] as const;
/** By then whoever is about to end has ended. */
const LATE_MS = 1_500;
/** One that was stopped when this one started may go on; then one of the two ends. */
const LOOK_MS = 30 * SECOND;
/** A question takes a moment; who asks without end is cut off. */
const PATIENCE_MS = 2_000;
/** BOUNDED: questions at once. */
const MAX_ASKING = 16;

const refusal = (own: string, { pid, directory, port, store }: RunningLm): LicensingError =>
  store === undefined ? second(own, pid, directory, port) : copied(directory, pid);
const copied = (directory: string, pid: number): LicensingError =>
  new LicensingError(Status.SHARING_VIOLATION, {
    detail: `The process with id ${pid} has another copy of the keys in ${directory} open: the directory was copied or replaced while that process runs.`,
    remedy: 'End that process, or put the directory back as it was.',
  });
const second = (own: string, pid: number, directory: string, port: number): LicensingError =>
  new LicensingError(Status.SHARING_VIOLATION, {
    detail: `${directory === own ? `The state directory ${own} is` : `The state directory ${own} is a copy of one, or another path to one, that is`} in use by another license manager on this computer: process id ${pid}, state directory ${directory}, TCP port ${port}`,
    remedy:
      'Use that license manager, or stop it first. A second one needs a state directory of its own that is empty at first, and licenses of its own.',
  });

/** What others may have done, or may not be done here. */
const tryTo = (act: () => void): void => {
  try {
    act();
  } catch {
    // Then it stays as it is.
  }
};

const answering =
  (key: KeyObject, lm: RunningLm) =>
  (socket: Socket): void => {
    let asked = Buffer.alloc(0);
    socket.setTimeout(PATIENCE_MS, () => socket.destroy());
    socket.on('error', () => socket.destroy());
    socket.on('data', (part: Buffer) => {
      asked = Buffer.concat([asked, part.subarray(0, NONCE_BYTES)]);
      if (asked.length >= NONCE_BYTES) socket.end(say(key, asked.subarray(0, NONCE_BYTES), lm));
    });
  };

const listen = (server: Server, place: Place): Promise<boolean> =>
  new Promise((resolve) => {
    server.once('error', () => resolve(false));
    // Others may ask, whoever they are; for a name everybody may.
    const everybody = place.kind === 'socket' || process.platform === 'win32' ? { readableAll: true, writableAll: true } : {};
    try {
      server.listen({ path: place.path, exclusive: true, ...everybody }, () => resolve(true));
    } catch {
      resolve(false); // A system without such names.
    }
  });

/** @throws LicensingError SHARING_VIOLATION (84) naming the one that runs with this state. */
export const claimState = async (options: ClaimOptions): Promise<Claim> => {
  const { key, clock, onConflict } = options;
  const instance = hex(randomBytes(16));
  const lm: RunningLm = { ...options.lm, instance };
  const places = options.places ?? placesOf(nameOf(key));
  const held = new Map<Place, { readonly server: Server; readonly about: Buffer }>();

  const isRival = (of: RunningLm): boolean => of.instance !== instance && (lm.store === undefined || of.store !== lm.store);
  /** Where somebody else was at the last look; who does not answer would cost the start a pause each time. */
  const strangers = new Set<Place>();
  const another = async (): Promise<RunningLm | undefined> => {
    const all = occupied(places.flat().filter((place) => !isOwn(place)));
    const found = await Promise.all(all.map((place) => probe(place, key)));
    strangers.clear();
    for (const [index, place] of all.entries()) if (found[index]?.kind === 'stranger') strangers.add(place);
    return found.flatMap((each) => (each.kind === 'same' && isRival(each.lm) ? [each.lm] : []))[0];
  };
  /** What it has, and nobody put something else in the place of. */
  const isOwn = (place: Place): boolean => {
    const about = held.get(place)?.about;
    if (about === undefined || place.kind === 'name') return about !== undefined;
    try {
      return sameBytes(about, aboutSocket(place.path));
    } catch {
      return false;
    }
  };
  const write = (place: Place): Buffer => {
    if (place.kind === 'name') return Buffer.alloc(0);
    const about = aboutSocket(place.path);
    tryTo(() => unlinkSync(place.record));
    // A place where it cannot be written serves while this process answers.
    tryTo(() => writeFileSync(place.record, say(key, about, lm), { flag: 'wx', mode: 0o644 }));
    return about;
  };
  const take = async (place: Place): Promise<boolean> => {
    // Of those that share, somebody else may have it.
    if (strangers.has(place) || (occupied([place]).length > 0 && (await probe(place, key)).kind !== 'nobody')) return false;
    // What is left of a process that was killed; where somebody else put it there, the next slot serves.
    if (place.kind === 'socket') tryTo(() => unlinkSync(place.path));
    const server = createServer(answering(key, lm));
    server.maxConnections = MAX_ASKING;
    server.unref();
    if (!(await listen(server, place))) return false;
    server.on('error', () => undefined);
    try {
      held.set(place, { server, about: write(place) });
      return true;
    } catch {
      server.close(); // Its file is gone already.
      return false;
    }
  };
  const takeAll = async (): Promise<void> => {
    await Promise.all(
      places.map(async (slots) => {
        for (const place of slots) if (isOwn(place) || (await take(place))) return;
      }),
    );
  };
  let closing: Promise<void> | undefined;
  const release = async (): Promise<void> => {
    cancel();
    await Promise.all(
      [...held].map(async ([place, { server }]) => {
        if (place.kind === 'socket' && isOwn(place)) tryTo(() => unlinkSync(place.record));
        // Closing removes the file of a socket.
        await new Promise<void>((done) => server.close(() => done()));
      }),
    );
    held.clear();
  };
  let cancel = (): void => undefined;

  const begun = performance.now();
  let other = await another();
  for (const pause of LEAVING_MS) {
    // One that answers late is busy or stopped, and not about to end.
    if (other === undefined || performance.now() - begun > LATE_MS) break;
    await new Promise((done) => setTimeout(done, pause));
    other = await another();
  }
  if (other === undefined) {
    await takeAll();
    // Two that start at once both saw nobody.
    const rival = await another();
    if (rival !== undefined && isLater(lm, rival)) other = rival;
  }
  if (other !== undefined) {
    await release();
    throw refusal(lm.directory, other);
  }

  const look = async (): Promise<void> => {
    const rival = await another();
    if (closing !== undefined) return;
    // Of those that share, some have ended meanwhile; a folder may have been emptied.
    if (rival === undefined) await takeAll();
    if (rival !== undefined && isLater(lm, rival)) return onConflict(refusal(lm.directory, rival));
    cancel = clock.after(LOOK_MS, () => void look());
  };
  cancel = clock.after(LOOK_MS, () => void look());
  return {
    close() {
      closing ??= release();
      return closing;
    },
  };
};
