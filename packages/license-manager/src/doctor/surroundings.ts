import type { Entropy } from '@keyhaven/core/crypto';
import type { Interface } from '@keyhaven/core/discovery';
import type { KnownLm, SelfEvidence } from '@keyhaven/core/doctor';
import type { LmIdentity } from '@keyhaven/core/link';
import type { Note } from '@keyhaven/core/network';
import type { Clock } from '@keyhaven/core/time';
import type { Questions, Resolve } from '../net/index.ts';

/** What the doctor works with: a license manager that runs, or a command without one. */
export type DoctorSurroundings = {
  readonly clock: Clock;
  readonly entropy: Entropy;
  /** Told of each datagram, connection and request (R10). */
  readonly note: Note;
  /** Who speaks. Where no license manager runs, an identity of the moment. */
  readonly identity: LmIdentity;
  readonly self: SelfEvidence;
  /** By UDP, from the port of the license manager. */
  readonly questions: Questions;
  readonly interfaces: () => readonly Interface[];
  /** The network that an own address is in, as `address/length`; for the place of another one. */
  readonly networks: () => readonly { readonly name: string; readonly cidr: string }[];
  readonly resolve: Resolve;
  /** The other license managers that are known here. */
  readonly known: () => readonly KnownLm[];
  /** The line of a rule here that keeps it out. */
  readonly deniedHere: (client: {
    readonly address: string;
    readonly host: string | undefined;
    readonly holder: string | undefined;
  }) => string | undefined;
};
