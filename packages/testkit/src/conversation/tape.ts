import { readFileSync } from 'node:fs';
import type { ApplicationIdentity } from '@keyhaven/core/session';
import type { VersionRange } from '@keyhaven/core/versions';
import type { LedgerSnapshot } from '@keyhaven/ledger';
import type { Draw } from './entropy.ts';
import type { Step } from './script.ts';

// What a recorded conversation holds (vectors/conversations/README.md). Byte strings are hex, times milliseconds since it began.

/** Decoded, for people and for comparing; byte strings in it are hex. */
export type Said = { readonly kind: string; readonly [field: string]: unknown };
export type RecordedFrame = { readonly name: string; readonly bytes: string; readonly says?: Said };
export type Side = 'application' | 'lm';
export type Spoken = { readonly at: number; readonly connection: number; readonly from: Side } & (
  | { readonly frames: readonly RecordedFrame[] }
  | { readonly closes: true }
);
/** One POST of the first LM to the second. */
export type Posted = {
  readonly at: number;
  readonly path: string;
  readonly request: string;
  readonly asks: readonly Said[];
  readonly answeredAt: number;
  /** 200, or what it was refused with; `answer` is the text of the body. */
  readonly code: number;
  readonly answer: string;
  readonly says: readonly Said[];
};

/** A license manager as it is when the conversation begins. */
export type StagedLm = {
  readonly hostname: string;
  readonly address: string;
  readonly identitySeed: string;
  readonly salt: string;
  readonly boot: number;
  /** Its state at rest. */
  readonly rows: LedgerSnapshot['rows'];
  readonly draws: readonly Draw[];
};
export type StagedApplication = { readonly identity: ApplicationIdentity; readonly draws: readonly Draw[] };

export type Tape = {
  readonly about: string;
  readonly name: string;
  readonly release: string;
  /** What each side named as its range. */
  readonly versions: { readonly local: VersionRange; readonly channel: VersionRange; readonly link: VersionRange };
  readonly vendor: {
    readonly id: number;
    readonly name: string;
    readonly signingSeed: string;
    readonly masterSecret: string;
    readonly vendorCode: string;
  };
  readonly lms: readonly StagedLm[];
  readonly application: StagedApplication;
  /** What the application does, and what came of it. */
  readonly script: readonly Step[];
  readonly spoken: readonly Spoken[];
  readonly posted: readonly Posted[];
};

export const tapeUrl = (name: string): URL => new URL(`../../../../vectors/conversations/${name}.json`, import.meta.url);

export const readTape = (name: string): Tape => {
  const tape: unknown = JSON.parse(readFileSync(tapeUrl(name), 'utf8'));
  // Written by this module's recorder, and kept by its digest.
  return tape as Tape;
};
