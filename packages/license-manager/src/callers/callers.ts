import { readlinkSync } from 'node:fs';
import { Socket } from 'node:net';
import type { Duplex } from 'node:stream';
import { hex } from '@keyhaven/core/bytes';
import type { Entropy } from '@keyhaven/core/crypto';
import { type Clock, SECOND } from '@keyhaven/core/time';
import { elsewhere, isRunning } from '../machine/index.ts';
import { commandOf, createCommandOwners, runProgram } from './commands.ts';
import { createLinuxOwners } from './linux.ts';
import { procFiles } from './proc-files.ts';
import type { Caller, Claim, Ends, FindOwner, Owner, Seen } from './types.ts';

/** A login waits no longer for what the system says, which is half of what the application waits (A6); then its connection counts. */
const PATIENCE_MS = 5 * SECOND;
/** Begins the name of what is not seen. */
const CONNECTION = '?';
/** The first namespace of processes has no number in names, so that they stay as they were. */
const FIRST_SPACE = 4_026_531_836;

export const isConnection = (unit: string): boolean => unit.startsWith(CONNECTION);

/** The namespace of processes that the ids of this LM mean; empty = the first one of the computer, or the system has one only. */
export const ownSpace = (): string => {
  try {
    const [space] = /\d+/.exec(readlinkSync('/proc/self/ns/pid')) ?? [];
    return space === undefined || Number(space) === FIRST_SPACE ? '' : space;
  } catch {
    return '';
  }
};

export const unitOf = ({ pid, start }: Claim, space: string): string => `${pid}.${start}${space === '' ? '' : `@${space}`}`;

/** As this system says it. */
export const systemOwners = (platform: string = process.platform): FindOwner => {
  if (platform === 'linux') return createLinuxOwners(procFiles);
  const command = commandOf(platform, process.env);
  if (command === undefined) return () => Promise.resolve({ kind: 'unseen' });
  return createCommandOwners(command, runProgram, (pid) => isRunning({ pid, start: 0 }));
};

export const endsOf = (socket: Duplex): Ends | undefined => {
  if (!(socket instanceof Socket)) return undefined;
  const { localAddress, localPort, remoteAddress, remotePort } = socket;
  if (localAddress === undefined || localPort === undefined || remoteAddress === undefined || remotePort === undefined) return undefined;
  return { here: { address: localAddress, port: localPort }, there: { address: remoteAddress, port: remotePort } };
};

/** Resolves to `unseen` where the system takes too long. */
export const ownerInTime = (find: FindOwner, clock: Clock, ends: Ends, claim: Claim): Promise<Owner> =>
  new Promise((resolve) => {
    const unseen = (): void => resolve({ kind: 'unseen' });
    const cancel = clock.after(PATIENCE_MS, unseen);
    find(ends, claim).then(resolve, unseen).finally(cancel);
  });

export type CallerOf = (socket: Duplex, claim: Claim) => Caller;

/** The process is what it says: for connections within one process, and where nothing can be asked. */
export const believed: CallerOf = (_socket, claim) => {
  const seen: Seen = { unit: unitOf(claim, ''), forwarded: false };
  return { seen: () => seen };
};

/** The process is known, whatever it says: an Integrated LM is part of it, an External LM its child. */
export const known =
  (process: Claim, space: string): CallerOf =>
  () => {
    const seen: Seen = { unit: unitOf(process, space), forwarded: false };
    return { seen: () => seen };
  };

/** Of TCP connections on this computer. */
export const asked =
  (find: FindOwner, clock: Clock, entropy: Entropy, space: string): CallerOf =>
  (socket, claim) => {
    const ends = endsOf(socket);
    let seen: Seen | Promise<Seen> | undefined;
    const seenOf = (owner: Owner): Seen => {
      if (owner.kind === 'process') {
        const { pid, start } = owner;
        return { unit: unitOf(owner, space), forwarded: false, process: { pid, start } };
      }
      const number = entropy.bytes(8);
      const unit = `${CONNECTION}${hex(number)}`;
      if (owner.kind === 'unseen') return { unit, forwarded: false };
      // The process that it names may run here, and is not the one: only the connection says whether the application lives.
      return { unit, forwarded: true, process: { pid: claim.pid, start: elsewhere(number) } };
    };
    return {
      seen() {
        if (seen !== undefined) return seen;
        if (ends === undefined) {
          seen = seenOf({ kind: 'unseen' });
          return seen;
        }
        const asking = ownerInTime(find, clock, ends, claim).then((owner) => {
          seen = seenOf(owner);
          return seen;
        });
        seen = asking;
        return asking;
      },
    };
  };
