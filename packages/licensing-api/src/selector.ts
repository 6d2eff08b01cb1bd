import { explainSelection, type KeyKind, type LmChoice, type Selection, type Situation, select } from '@keyhaven/core/hosts';
import type { DocumentHome } from './document-home.ts';
import type { Surroundings } from './environment.ts';
import type { Links } from './links.ts';
import type { Asked } from './login-options.ts';

// The shell around `select` (T5): what it is to know of this process, and not more often than needed, for a login costs less than looking around.

/** What was seen is not looked at again for so long, unless something was refused or changed meanwhile. */
const FRESH_MS = 250;

export type Selector = {
  select(asked: Asked): Selection;
  /** For a document; other computers are not asked, for a document is for a key of this one. */
  selectFor(home: DocumentHome): Selection;
  /** What was seen may be so no more. */
  forget(): void;
};

export const createSelector = (links: Links, near: Surroundings['near'], time: Pick<Surroundings['time'], 'now'>): Selector => {
  let last: { readonly name: string; readonly until: number; readonly selection: Selection } | undefined;
  const situationOf = (vendor: number, choice: LmChoice, kinds: readonly KeyKind[]): Situation => ({
    choice,
    adminRuns: links.admin.connected ? 'yes' : 'unknown',
    ...(near?.look(vendor) ?? { externalBeside: false, integratedAvailable: false, userStore: false, nearSearch: false }),
    kinds,
  });
  const explain = (vendor: number, choice: LmChoice, selection: Selection): void =>
    near?.explain?.(`keyhaven select, vendor ${vendor}, lm ${choice}: ${explainSelection(selection).join(' | ')}`);
  return {
    select(asked) {
      const { vendor, lm, scope } = asked;
      const name = `${vendor.vendor} ${lm} ${scope}`;
      const now = time.now();
      if (last?.name !== name || last.until <= now)
        last = { name, until: now + FRESH_MS, selection: select(situationOf(vendor.vendor, lm, asked.kinds())) };
      explain(vendor.vendor, lm, last.selection);
      return last.selection;
    },
    selectFor({ vendor, kinds }) {
      const selection = select({ ...situationOf(vendor, 'auto', kinds), nearSearch: false });
      explain(vendor, 'auto', selection);
      return selection;
    },
    forget() {
      last = undefined;
    },
  };
};
