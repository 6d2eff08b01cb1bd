import type { Settings } from '../settings.ts';
import type { Identities } from './identities.ts';
import type { Rest } from './rest.ts';

/** What existing programs may ask of the license manager, besides what administers it (C6). */
export type CompatFaces = {
  readonly identities: Identities;
  readonly rest: Rest;
  /** As they hold now. */
  settings(): Settings;
  /** What this computer is recognised by, for a vendor of which a key is here; undefined where none is. */
  fingerprintFor(vendor: number): Promise<string | undefined>;
};
