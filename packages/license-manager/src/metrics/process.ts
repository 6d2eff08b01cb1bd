import { readdirSync } from 'node:fs';
import type { MetricSources } from './families.ts';

/** This process, as its system counts it. */
export const processFigures = (): ReturnType<MetricSources['process']> => {
  const { user, system } = process.cpuUsage();
  const { rss, heapUsed } = process.memoryUsage();
  return { cpuSeconds: (user + system) / 1_000_000, residentBytes: rss, heapBytes: heapUsed, openFiles: openFiles() };
};

const openFiles = (): number | undefined => {
  try {
    return readdirSync('/proc/self/fd').length;
  } catch {
    return undefined;
  }
};
