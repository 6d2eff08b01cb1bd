import type { LmStatus } from '@keyhaven/core/admin';
import type { AuditRecord } from '@keyhaven/ledger';
import type { Overview } from '../overview.ts';
import type { LinkAnswerer } from '../peers/index.ts';
import type { Transfers } from '../transfer/index.ts';
import type { UpdateResult } from '../updates/index.ts';

/** What HTTP may ask of the license manager. */
export type HttpFaces = {
  readonly link: LinkAnswerer;
  readonly overview: Overview;
  readonly style: string;
  readonly remoteAdministration: boolean;
  readonly remoteClients: boolean;
  /** Names and addresses by which this computer may be called in a Host header. */
  hostNames(): ReadonlySet<string>;
  status(): LmStatus;
  /** Resolves when what is known of other LMs is of now. */
  fresh(): Promise<void>;
  audit(query: { readonly kind?: string; readonly scope?: string; readonly limit: number }): Promise<readonly AuditRecord[]>;
  kill(session: string, by: string): Promise<void>;
  /** The text of a license document. */
  apply(document: string): Promise<UpdateResult>;
  readonly transfers: Transfers;
  c2v(wanted: { readonly key: string } | { readonly vendorCode: string; readonly type: 'sl-adminmode' | 'sl-usermode' }): Promise<string>;
};
