import type { Duplex } from 'node:stream';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { spanOf, type VersionRange } from '@keyhaven/core/versions';

// The other end of a connection: TCP to the Admin LM, the standard streams of an External LM, a pipe to the thread of an Integrated LM.

/** A stream that can let the process end although it is open. */
export type NearSocket = Duplex & { ref(): unknown; unref(): unknown };
/** What is used of a TCP socket. */
export type LmSocket = NearSocket & { setTimeout(milliseconds: number, task?: () => void): unknown };

type Named = {
  /** For people, at the beginning of a sentence. */
  readonly name: string;
  /** What to do where it cannot be talked to; absent: what the catalogue says. */
  readonly remedy?: string;
};
/** A license manager that the application has started. It has to answer before it is handed out, for it may be any program. */
export type StartedEnd = Named & {
  readonly ready: 'answered';
  readonly socket: NearSocket;
  /** How long it may take to answer, in milliseconds; absent = 5 seconds. */
  readonly patienceMs?: number;
  /** Ends what was started and has not answered. */
  readonly abandon?: () => void;
};
/** TCP has to be connected before it is handed out. */
export type LmEnd = StartedEnd | (Named & { readonly ready: 'connected'; readonly socket: LmSocket });

/** For an LM that chose a version nobody offered it: which side is the old one (T6). */
export const unoffered = (name: string, version: number, ours: VersionRange, remedy: string | undefined): LicensingError => {
  const said = `In the local protocol, the Licensing API of the application speaks ${spanOf(ours)} and ${name} version ${version}`;
  return version > ours.to
    ? new LicensingError(Status.OLD_DRIVER, { detail: `${said}: upgrade the application` })
    : new LicensingError(Status.OLD_LM, { detail: `${said}: upgrade the license manager`, remedy });
};
