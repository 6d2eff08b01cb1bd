export { CLOCK_TOLERANCE_MS, isSetBack, type LicenseClock, learnTime, readClock, startClock } from './license-clock.ts';
