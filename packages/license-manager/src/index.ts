export {
  type AdminLm,
  type AdminLmOptions,
  type LmEvent,
  startAdminLm,
  VERSION,
} from './admin-lm.ts';
export { defaultStateDirectory, defaultTrialDirectory } from './admin-paths.ts';
export {
  type Configuration,
  changeIniFile,
  loadConfiguration,
  loadSettings,
  type SettingChanges,
  settingFacts,
  valueAt,
  watchConfiguration,
} from './configuration/index.ts';
export { nearNetworkPlan, networkPlan } from './network/index.ts';
export { parseSettings, type Settings } from './settings.ts';
