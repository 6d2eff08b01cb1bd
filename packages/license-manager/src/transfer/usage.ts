import type { PoolRow } from '@keyhaven/core/seats';
import type { Usage } from '@keyhaven/core/transfer';
import type { Ledger } from '@keyhaven/ledger';

/** What of a key is used up for good. */
export const usageOf = async (ledger: Ledger, key: string): Promise<readonly Usage[]> => {
  const usage: Usage[] = [];
  for await (const [name, row] of ledger.scan<PoolRow>(`${key}/pool/`)) {
    const [product = 0, feature = 0] = (name.split('/')[2] ?? '').split('.').map(Number);
    const { executions, firstUse, trialUse } = row;
    if (executions === 0 && firstUse === undefined && trialUse === undefined) continue;
    usage.push({
      product,
      feature,
      executions,
      ...(firstUse === undefined ? {} : { firstUse: new Date(firstUse).toISOString() }),
      ...(trialUse === undefined ? {} : { trialUse: new Date(trialUse).toISOString() }),
    });
  }
  return usage;
};
