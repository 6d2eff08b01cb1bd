import { type DetachRule, type DetachTerms, detachRuleFor, parseDetachRules } from '@keyhaven/core/transfer';
import type { Settings } from '../settings.ts';
import type { TransferSettings } from './types.ts';

// What holds for the detaching of one product: the settings for all, and what those of the product say instead.

export const detachTermsOf = (
  settings: TransferSettings,
  of: { readonly vendor: number; readonly key: string; readonly product: number },
): DetachTerms & { readonly enabled: boolean | undefined; readonly maxDays: number } => {
  const { enabled, maxDays, reservedSeats = 0, reservedPercent = 0, products = [] } = settings;
  const own = detachRuleFor(products, of);
  return {
    enabled: own.enabled ?? enabled,
    maxDays: own.maxDays ?? maxDays,
    // A rule that says one of the two says all that stays.
    ...(own.reservedSeats === undefined && own.reservedPercent === undefined
      ? { reservedSeats, reservedPercent }
      : { reservedSeats: own.reservedSeats ?? 0, reservedPercent: own.reservedPercent ?? 0 }),
  };
};

/** As the settings are at each question. */
export const liveTransferSettings = (detach: () => Settings['detach']): TransferSettings => {
  let read: { readonly lines: readonly string[]; readonly rules: readonly DetachRule[] } = { lines: [], rules: [] };
  return {
    get enabled() {
      return detach().enabled;
    },
    get maxDays() {
      return detach().maxDays;
    },
    get reservedSeats() {
      return detach().reservedSeats;
    },
    get reservedPercent() {
      return detach().reservedPercent;
    },
    get expiredDays() {
      return detach().expiredDays;
    },
    get products() {
      const lines = detach().products;
      if (lines !== read.lines) read = { lines, rules: parseDetachRules(lines).rules };
      return read.rules;
    },
  };
};
