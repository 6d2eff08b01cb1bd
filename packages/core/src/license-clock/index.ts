export {
  CLOCK_TOLERANCE_MS,
  countedTime,
  isSetBack,
  type LicenseClock,
  learnTime,
  licenseTime,
  readClock,
  startClock,
} from './license-clock.ts';
export { CLOCK_MARK, type ClockMarkRow, COUNTED_TIME, type CountedRow } from './marks.ts';
