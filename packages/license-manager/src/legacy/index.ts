export { createLegacies, type Legacies } from './legacies.ts';
