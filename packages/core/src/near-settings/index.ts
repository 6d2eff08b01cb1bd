export { type NearPlace, nearFileName, nearFiles } from './near-files.ts';
export {
  DEFAULT_NEAR_SETTINGS,
  type NearIni,
  type NearOverrides,
  type NearSettings,
  nearIniKeys,
  readNearIni,
  withOverrides,
} from './near-settings.ts';
