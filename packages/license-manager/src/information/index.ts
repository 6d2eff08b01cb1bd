export { type Computer, createInformation, partsOf } from './information.ts';
