export { type Authority, DEFAULT_SESSION_IDLE_MS, openAuthority } from './authority.ts';
export type { Bar, LoginGuard, TrialUse } from './guard.ts';
export type { KeyChannel, Party } from './key-channel.ts';
export type { LiveSession } from './live-sessions.ts';
