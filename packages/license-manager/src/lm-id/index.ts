export { aboutIdentity, type LmId, type NewId, openLmId } from './lm-id.ts';
