import type { Clock, Wall } from '@keyhaven/core/time';
import type { AuditEntry, Ledger } from '@keyhaven/ledger';

// A ledger that tells what it has decided and how long that took, to whoever counts and records. Nothing waits for the listener, and what it
// throws is nobody's.

export type LedgerWatch = {
  /** Entries of a decision that is durable, or was answered early. */
  decided(entries: readonly AuditEntry[], at: Wall): void;
  /** Milliseconds from the question to the durable answer. */
  committed(milliseconds: number): void;
  refused(): void;
};

export const watchLedger = (ledger: Ledger, clock: Clock, watch: LedgerWatch): Ledger => ({
  async update(keys, decide, options) {
    const asked = clock.mono();
    let entries: readonly AuditEntry[] = [];
    let at: Wall | undefined;
    let writes = false;
    let decided = false;
    try {
      const reply = await ledger.update(
        keys,
        (rows, now) => {
          const decision = decide(rows, now);
          entries = decision.audit;
          at = now;
          writes = decision.changes.length > 0 || decision.audit.length > 0;
          decided = true;
          return decision;
        },
        options,
      );
      if (writes && options?.durability !== 'later') watch.committed(clock.mono() - asked);
      if (entries.length > 0 && at !== undefined) watch.decided(entries, at);
      return reply;
    } catch (error) {
      // A decision that throws is a refusal of the rules, not of the disk.
      if (decided && writes) watch.refused();
      throw error;
    }
  },
  scan: (prefix) => ledger.scan(prefix),
  audit: (query) => ledger.audit(query),
  verifyAudit: () => ledger.verifyAudit(),
  damage: () => ledger.damage(),
  close: () => ledger.close(),
});
