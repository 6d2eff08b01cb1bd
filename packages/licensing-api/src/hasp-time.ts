import { LicensingError, Status } from '@keyhaven/core/errors';
import { fieldsOf, reading, whole } from './arguments.ts';

// Dates and the field's time, which is seconds since 1970-01-01T00:00:00Z (hasp_datetime_to_hasptime and hasp_hasptime_to_datetime). All of it is UTC.

/** Parts of a date in UTC. `month` counts from 1. */
export type DateTime = {
  readonly year: number;
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
};

const MIN_YEAR = 1970;
const MAX_YEAR = 9_999;
/** 9999-12-31T23:59:59Z */
const MAX_TIME = 253_402_300_799;
const PARTS = ['year', 'month', 'day', 'hour', 'minute', 'second'] as const;

/**
 * @returns seconds since 1970
 * @throws LicensingError INV_TIME (24) where there is no such date from 1970 to 9999, INVALID_PARAMETER (501) where it is no object with these parts
 */
export const datetimeToHasptime = (datetime: DateTime): number =>
  reading(() => {
    const fields = fieldsOf(datetime, 'the date', PARTS);
    const part = (name: (typeof PARTS)[number], min: number, max: number): number => whole(fields[name], name, min, max, Status.INV_TIME);
    const [year, month, day] = [part('year', MIN_YEAR, MAX_YEAR), part('month', 1, 12), part('day', 1, 31)];
    const milliseconds = Date.UTC(year, month - 1, day, part('hour', 0, 23), part('minute', 0, 59), part('second', 0, 59));
    if (new Date(milliseconds).getUTCDate() !== day) {
      throw new LicensingError(Status.INV_TIME, {
        detail: `Month ${month} of ${year} has no day ${day}.`,
        remedy: 'Pass a day that the month has.',
      });
    }
    return milliseconds / 1_000;
  });

/**
 * @param time seconds since 1970
 * @throws LicensingError INV_TIME (24) where it is no whole number of seconds up to the end of 9999
 */
export const hasptimeToDatetime = (time: number): DateTime =>
  reading(() => {
    const date = new Date(whole(time, 'time', 0, MAX_TIME, Status.INV_TIME) * 1_000);
    return {
      year: date.getUTCFullYear(),
      month: date.getUTCMonth() + 1,
      day: date.getUTCDate(),
      hour: date.getUTCHours(),
      minute: date.getUTCMinutes(),
      second: date.getUTCSeconds(),
    };
  });
