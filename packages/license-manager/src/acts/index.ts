export { type Act, type Acts, applicationAct, askedAct, openActs } from './acts.ts';
export { type AuditWriter, createAuditWriter } from './audit-writer.ts';
