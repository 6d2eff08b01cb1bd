export { CLOCK_TOLERANCE_MS, isSetBack, type LicenseClock, learnTime, licenseTime, readClock, startClock } from './license-clock.ts';
