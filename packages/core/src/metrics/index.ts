export { type Bounded, boundLabels } from './bound-labels.ts';
export { type Family, type HistogramSample, type MetricType, openMetrics, prometheusText, type Sample } from './exposition.ts';
export { createHistogram, type Histogram } from './histogram.ts';
