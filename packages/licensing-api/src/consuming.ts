import { LicensingError, Status, type StatusCode } from '@keyhaven/core/errors';
import { CONSUMED_KEPT } from '@keyhaven/core/seats';
import type { Limit } from './limits.ts';

// Executions that a session takes, each exactly once (K1). One after the other, so that the key knows the nonce of whatever is repeated. When
// nobody answered, the key may have counted: the next call for as many executions repeats that one.

const unanswered: ReadonlySet<StatusCode> = new Set([Status.LOCAL_COMM_ERR, Status.REMOTE_COMM_ERR, Status.SCHAN_ERR]);

export const createConsuming = (
  attempt: (nonce: Uint8Array, executions: number, limit: Limit) => Promise<number>,
  nonce: () => Uint8Array,
): ((executions: number, limit: Limit) => Promise<number>) => {
  let last: Promise<unknown> = Promise.resolve();
  /** The oldest first. BOUNDED by CONSUMED_KEPT: the key remembers no more. */
  let unsettled: { readonly executions: number; readonly nonce: Uint8Array; readonly made: number }[] = [];
  let made = 0;

  const take = async (executions: number, limit: Limit): Promise<number> => {
    unsettled = unsettled.filter((each) => made - each.made < CONSUMED_KEPT - 1);
    const open = unsettled.find((each) => each.executions === executions);
    if (open === undefined) made += 1;
    const own = open ?? { executions, nonce: nonce(), made };
    unsettled = unsettled.filter((each) => each !== own);
    try {
      return await attempt(own.nonce, executions, limit);
    } catch (error) {
      if (!(error instanceof LicensingError) || unanswered.has(error.status)) unsettled.push(own);
      throw error;
    }
  };
  return (executions, limit) => {
    const next = last.then(() => take(executions, limit));
    last = next.catch(() => undefined);
    return next;
  };
};
