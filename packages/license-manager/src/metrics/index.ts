export { type Counters, createCounters } from './counters.ts';
export { type MetricSources, metricFamilies } from './families.ts';
export { processFigures } from './process.ts';
export { type LedgerWatch, watchLedger } from './watched-ledger.ts';
