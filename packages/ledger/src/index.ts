export { createMemoryLedger, type LedgerSnapshot, type MemoryLedger } from './memory.ts';
export type { AuditEntry, AuditQuery, AuditRecord, AuditVerdict, Change, Damage, Decision, Ledger, Row, RowKey, Rows } from './port.ts';
export { openSharedLedger, type SharedLedger, type SharedLedgerOptions } from './shared.ts';
export { openSqliteLedger, type SqliteLedgerOptions } from './sqlite.ts';
