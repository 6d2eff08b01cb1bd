export {
  type AdminLm,
  type AdminLmOptions,
  defaultStateDirectory,
  defaultTrialDirectory,
  type LmEvent,
  startAdminLm,
  VERSION,
} from './admin-lm.ts';
export { loadSettings, parseSettings, type Settings } from './settings.ts';
