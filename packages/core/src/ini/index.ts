export { type Decoded, decodeIni, type IniKey, isOf, many, one, placeOf, sayIniFaults } from './decode-ini.ts';
export { editIni, type IniValue } from './edit-ini.ts';
export { type IniEncoding, iniBytesOf, iniTextOf } from './ini-bytes.ts';
export { iniDecimal, iniFlag, iniHost, iniNumber, iniText } from './ini-values.ts';
export {
  EMPTY_INI,
  entriesOf,
  type Ini,
  type IniEntry,
  type IniFault,
  MAX_INI,
  MAX_INI_LINES,
  parseIni,
  sameName,
  writeIni,
} from './parse-ini.ts';
