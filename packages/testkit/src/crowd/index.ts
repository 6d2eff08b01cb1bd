export { type CrowdFigures, type CrowdOptions, simulateCrowd } from './crowd.ts';
