export { createDiagnostics, type Report } from './diagnostics.ts';
