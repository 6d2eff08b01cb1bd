export { type Computer, createInformation, partsOf, textParts } from './information.ts';
export { judge } from './in-scope.ts';
