export { DEFAULT_SESSION_IDLE_MS, openAuthority } from './authority.ts';
export type { Bar, LoginGuard, TrialUse } from './guard.ts';
export type { KeyChannel, Party } from './key-channel.ts';
export type { LiveSession } from './live-sessions.ts';
export { LicenseChanged, type Sharing } from './sharing.ts';
export type { Authority } from './types.ts';
