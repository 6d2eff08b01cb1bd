export { type Front, type FrontLimits, type FrontOptions, openFront, protocolOf } from './front.ts';
export { createProvenAddresses } from './proven-addresses.ts';
