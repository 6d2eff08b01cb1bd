// The closed catalogue of statuses and the one error class (SPEC A2). docs/errors.md is written from it by scripts/errors-doc.ts.

export { catalogue, explain, type StatusEntry, statusOf } from './catalogue.ts';
export { formatError, LicensingError, type LicensingErrorOptions, type SelectionNote } from './licensing-error.ts';
export { notProduced } from './not-produced.ts';
export { Status, type StatusCode, type StatusName } from './status.ts';
