export { changeIniFile, type SettingChanges, withSettings } from './change-file.ts';
export { parseIniSettings, type SettingNote } from './ini-settings.ts';
export { type Change, createLiveSettings, type LiveSettings, valueAt } from './live.ts';
export { type Configuration, isIni, loadConfiguration, loadSettings, parseConfiguration } from './load.ts';
export { keptTable, settingFacts, settingsTable } from './reference.ts';
export { settingRows } from './setting-rows.ts';
export { watchConfiguration } from './watch.ts';
