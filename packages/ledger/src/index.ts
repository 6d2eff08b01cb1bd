export { createMemoryLedger, type LedgerSnapshot, type MemoryLedger } from './memory.ts';
export type { AuditEntry, AuditQuery, AuditRecord, Change, Damage, Decision, Ledger, Row, RowKey, Rows } from './port.ts';
export { openSqliteLedger, type SqliteLedgerOptions } from './sqlite.ts';
