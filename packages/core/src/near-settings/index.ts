export { type NearPlace, nearFileName, nearFiles, vendorOfNearFile } from './near-files.ts';
export {
  DEFAULT_NEAR_SETTINGS,
  type NearIni,
  type NearNote,
  type NearProxy,
  type NearSettings,
  NO_WPAD,
  nearIniKeys,
  readNearIni,
} from './near-settings.ts';
export { type NearOverrides, overrideFaults, overrideNames, withOverrides } from './overrides.ts';
