export {
  type AccessRecord,
  accessLine,
  accessPattern,
  DEFAULT_PATTERN,
  jsonLine,
  type LogValue,
  originOf,
  type Pattern,
  patternFault,
} from './access-line.ts';
export { lineSafe, type ParamValue, saidParams } from './line-safe.ts';
export { type LogAct, type LogFile, type LogRules, logActs, PART } from './rotation.ts';
