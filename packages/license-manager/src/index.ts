export { type AdminLm, type AdminLmOptions, defaultStateDirectory, type LmEvent, startAdminLm, VERSION } from './admin-lm.ts';
export { loadSettings, parseSettings, type Settings } from './settings.ts';
