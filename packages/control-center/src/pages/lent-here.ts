import type { PeerInfo } from '@keyhaven/core/admin';
import { useLive } from '../app-context.ts';
import type { Paged } from './overview.tsx';

// Licenses that other computers lend to this one over the network (docs/decisions/0025-detach-online.md).

/** A license that is given back, and whose owner does not know it yet. */
export type Returning = {
  /** The key that was lent, which is no more. */
  readonly key: string;
  readonly product: number;
  readonly licenseManager: { readonly guid: string; readonly hostname?: string };
  readonly since: string;
  readonly until: string;
  readonly lastFault?: string;
};

/** Other license managers by name, as far as they are known. */
export const usePeers = (): readonly PeerInfo[] => useLive<Paged<PeerInfo>>('/api/v1/list/peers?limit=1000', 'peers').value?.items ?? [];

const DAY_SECONDS = 86_400;
export const secondsOf = (days: string): number => Math.round(Number(days) * DAY_SECONDS);
