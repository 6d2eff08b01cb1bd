export { csvCell, usageCsv } from './csv.ts';
export { denialStatuses, isDenial, NO_POOL } from './denial.ts';
export { createUsageMeter, type PoolOf, type UsageMeter } from './meter.ts';
export { createUsageReport, percentile, type ReportedPool, type UsageBy, type UsageItem, usageReport } from './report.ts';
export { type Count, emptyUsage, joinUsage, MAX_NAMES, OTHERS, type Usage, type UsageHour } from './usage.ts';
export { decodeUsage, encodeUsage, type UsageText } from './usage-text.ts';
