export { type Front, type FrontLimits, openFront, protocolOf } from './front.ts';
