import { createSecretKey } from 'node:crypto';
import { join } from 'node:path';
import { wall } from '@keyhaven/core/time';
import { type AuditRecord, openSharedLedger, openSqliteLedger } from '@keyhaven/ledger';
import { type CutOptions, cutPower, type PowerReport } from './cutting.ts';

// Power cuts at the ledgers (S21): what was acknowledged is there afterwards, whole and in order, and nothing that was taken back is.

export type LedgerKind = 'owned' | 'shared';

const WRITER = join(import.meta.dirname, 'ledger-writer.ts');

/** @returns what is wrong with a ledger after a cut */
const faultsOf = async (root: string, kind: LedgerKind, acknowledged: readonly string[]): Promise<string[]> => {
  const faults: string[] = [];
  const options = { directory: join(root, 'state'), now: () => wall(0), authenticationKey: createSecretKey(Buffer.alloc(32, 1)) };
  const ledger = await (kind === 'shared' ? openSharedLedger(options) : openSqliteLedger(options));
  try {
    if (ledger.damage().length > 0) faults.push(`damage: ${JSON.stringify(ledger.damage())}`);
    const numbers = (verb: string): number[] =>
      acknowledged.filter((line) => line.startsWith(`${verb} `)).map((line) => Number(line.slice(verb.length + 1)));
    const sessions = new Set<number>();
    for await (const [, { number }] of ledger.scan<{ number: number }>('a/session/')) sessions.add(number);
    const leaving = new Set(numbers('leaving'));
    for (const number of numbers('login'))
      if (!sessions.has(number) && !leaving.has(number)) faults.push(`the acknowledged login ${number} is lost`);
    for (const number of numbers('logout')) if (sessions.has(number)) faults.push(`the acknowledged logout ${number} is lost`);
    for await (const [, pool] of ledger.scan<{ used: number }>('a/pool/'))
      if (pool.used !== sessions.size) faults.push(`the pool says ${pool.used}, and there are ${sessions.size} sessions`);
    const verdict = await ledger.verifyAudit();
    if (verdict.fault !== undefined) faults.push(`the chain of the audit: record ${verdict.fault.sequence} ${verdict.fault.reason}`);
    const told = new Set<string>();
    let before: number | undefined;
    for (;;) {
      const page: readonly AuditRecord[] = await ledger.audit(before === undefined ? {} : { before });
      for (const { kind: verb, detail } of page) told.add(`${verb} ${String(detail['number'])}`);
      before = page.at(-1)?.sequence;
      if (before === undefined) break;
    }
    for (const line of acknowledged)
      if (/^log(?:in|out) /.test(line) && !told.has(line)) faults.push(`the audit has no record of the acknowledged ${line}`);
  } finally {
    await ledger.close();
  }
  return faults;
};

/** @param options.length acknowledgements of one process before its end; by default a few hundred, and now and then as many as make the ledger tidy up */
export const cutLedgers = (
  options: CutOptions & { readonly kind: LedgerKind; readonly length?: number; readonly preload?: string },
): Promise<PowerReport> => {
  const { kind, length, preload } = options;
  const processes = kind === 'shared' ? 3 : 1;
  return cutPower(kind, options, {
    commands(root, random) {
      const most = length ?? (random.chance(0.1) ? 12_000 : 600);
      return Array.from({ length: processes }, () => [
        ...(preload === undefined ? [] : ['--import', preload]),
        WRITER,
        root,
        kind,
        String(Math.ceil(most / processes)),
        random.chance(0.5) ? 'closed' : 'killed',
      ]);
    },
    faultsOf: (root, acknowledged) => faultsOf(root, kind, acknowledged),
    goesOn: true,
  });
};
