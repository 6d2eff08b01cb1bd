import { describe, expect, it } from 'vitest';
import { HOUR, MINUTE, wall } from '../time/index.ts';
import { usageCsv } from './csv.ts';
import { createUsageMeter } from './meter.ts';
import { percentile, type ReportedPool, usageReport } from './report.ts';
import { emptyUsage, joinUsage, MAX_NAMES, OTHERS } from './usage.ts';
import { decodeUsage, encodeUsage } from './usage-text.ts';

const pool = { key: '17', product: 1, feature: 42 };
const start = wall(Date.UTC(2026, 10, 24, 8));
const after = (minutes: number) => wall(start + minutes * MINUTE);
const [ada, ben] = [
  { user: 'ada', host: 'one' },
  { user: 'ben', host: 'one' },
];
const HOSTILE = 'a,b;c%d"e\\f\n\u0000ü\ud800';

/** Ada from 8:10 to 9:20 with two seats at the end, Ben from 8:30 to 8:40, and two refusals. */
const measured = (): ReportedPool[] => {
  const meter = createUsageMeter();
  meter.granted(pool, ada, 1, after(10));
  meter.granted(pool, ben, 2, after(30));
  meter.refused(pool, { user: 'cy', host: 'two' }, 38, after(35));
  meter.released(pool, ben, 1, after(40));
  const taken = [...meter.take(after(45))];
  meter.refused(pool, { user: 'cy', host: 'two' }, 38, after(61));
  meter.released(pool, ada, 0, after(80));
  taken.push(...meter.take(after(300)));
  // What is taken again has all of its hour.
  return [...new Map(taken.map((each) => [each.hour, { pool, usage: each.usage }])).values()];
};

describe('the meter of use (C5)', () => {
  it('counts seats over time, peaks, grants and refusals, by the hour', () => {
    const [hour] = usageReport(measured(), 'feature', start, after(120));
    expect(hour).toEqual({
      ...{ key: '17', product: 1, feature: 42, user: null, host: null, at: null },
      hours: 1.333,
      grants: 2,
      denials: 2,
      denialsByCause: { '38': 2 },
      peaks: { max: 2, p50: 1, p90: 2, p95: 2, p99: 2 },
    });
    expect(usageReport(measured(), 'hour', start, after(120)).map(({ at, hours, peaks }) => [at, hours, peaks?.max])).toEqual([
      ['2026-11-24T08:00:00.000Z', 1, 2],
      ['2026-11-24T09:00:00.000Z', 0.333, 1],
    ]);
    expect(usageReport(measured(), 'product', after(60), after(120))[0]).toMatchObject({ hours: 0.333, denials: 1, feature: null });
  });

  it('counts the time of each user and host once, however many sessions they have', () => {
    const people = (by: 'user' | 'host') =>
      usageReport(measured(), by, start, after(120)).map(({ user, host, hours, grants, denials }) => [
        user ?? host,
        hours,
        grants,
        denials,
      ]);
    expect(people('user')).toEqual([
      ['ada', 1.167, 1, 0],
      ['ben', 0.167, 1, 0],
      ['cy', 0, 0, 2],
    ]);
    expect(people('host')).toEqual([
      ['one', 1.167, 2, 0],
      ['two', 0, 0, 2],
    ]);
  });

  it('goes on after a restart in the same hour, and counts no grant again', () => {
    const before = createUsageMeter();
    before.granted(pool, ada, 1, after(0));
    const [taken] = before.take(after(20));
    const again = createUsageMeter();
    again.resume(pool, Math.floor(start / HOUR), decodeUsage(encodeUsage(taken?.usage ?? emptyUsage())));
    again.granted(pool, ada, 1, after(21), false);
    again.released(pool, ada, 0, after(41));
    const [all] = again.take(after(50));
    const [item] = usageReport([{ pool, usage: all?.usage ?? emptyUsage() }], 'feature', start, after(60));
    expect(item).toMatchObject({ hours: 0.667, grants: 1 });
  });

  it('makes nothing up of a clock that was set: neither back nor far ahead', () => {
    const meter = createUsageMeter();
    meter.granted(pool, ada, 1, after(0));
    meter.granted(pool, ben, 2, after(-600));
    meter.released(pool, ben, 1, after(60 * 24 * 30));
    const pools = meter.take(after(60 * 24 * 30 + 10)).map(({ usage }) => ({ pool, usage }));
    const [item] = usageReport(pools, 'feature', wall(0), after(60 * 24 * 31));
    expect(item).toMatchObject({ grants: 2, hours: 0.167 });
  });

  it('hands out nothing of a pool that is not used, hour for hour', () => {
    const meter = createUsageMeter();
    meter.granted(pool, ada, 1, after(0));
    meter.released(pool, ada, 0, after(1));
    expect(meter.take(after(2))).toHaveLength(1);
    expect(meter.take(after(3))).toHaveLength(0);
    expect(meter.take(after(60 * 24))).toHaveLength(0);
  });
});

describe('use at rest', () => {
  it('is the same when read again, whatever the names are', () => {
    const usage = emptyUsage();
    const meter = createUsageMeter();
    meter.granted(pool, { user: HOSTILE, host: '' }, 3, start);
    meter.refused(pool, { user: '%41', host: 'ö' }, 7, after(1));
    meter.refused(pool, { user: '%41', host: 'ö' }, 38, after(1));
    meter.released(pool, { user: HOSTILE, host: '' }, 0, after(30));
    for (const { usage: of } of meter.take(after(30))) joinUsage(usage, of);
    const text = encodeUsage(usage);
    expect(JSON.stringify(text).length, 'short').toBeLessThan(150);
    const read = decodeUsage(JSON.parse(JSON.stringify(text)) as object);
    expect([...read.users.keys()]).toEqual([HOSTILE.toWellFormed(), '%41']);
    expect(encodeUsage(read)).toEqual(text);
    expect([...read.hours.values()][0]).toMatchObject({
      peak: 3,
      grants: 1,
      seatTime: 90 * MINUTE,
      denials: new Map([
        [7, 1],
        [38, 1],
      ]),
    });
  });

  it('of what is not ours is nothing', () => {
    for (const row of [{}, { hours: 7 }, { hours: ';;,,,', users: 'x', hosts: '%zz,-1,!' }])
      expect(usageReport([{ pool, usage: decodeUsage(row) }], 'feature', start, after(60))).toEqual([]);
  });

  it('has no more names than the bound', () => {
    const usage = emptyUsage();
    const meter = createUsageMeter();
    for (let index = 0; index < MAX_NAMES + 5; index += 1) meter.refused(pool, { user: `u${index}`, host: 'h' }, 38, start);
    for (const { usage: of } of meter.take(start)) joinUsage(usage, of);
    expect(usage.users.size).toBe(MAX_NAMES + 1);
    expect(usage.users.get(OTHERS)?.denials).toBe(5);
  });
});

describe('a report of use', () => {
  it('has percentiles of all hours, also of those without use', () => {
    expect(percentile([], 0.5)).toBe(0);
    expect(percentile([5, 1, 3], 0.5)).toBe(3);
    expect(percentile([5, 1, 3], 0.5, 10)).toBe(0);
    expect(percentile([5, 1, 3], 0.9, 10)).toBe(3);
    expect(percentile([5, 1, 3], 1, 10)).toBe(5);
  });

  it('is no formula in a spreadsheet (S8)', () => {
    const [item] = usageReport(measured(), 'user', start, after(120));
    if (item === undefined) throw new Error('nothing');
    const csv = usageCsv([
      { ...item, user: '=cmd|"x"!A1' },
      { ...item, user: 'a,b\nc' },
      { ...item, user: 'a; =1;\uFF0B1;b-c' },
    ]);
    expect(csv).toBe(
      'key,product,feature,user,host,at,hours,grants,denials,denials_by_cause,peak,p50,p90,p95,p99\r\n' +
        `,,,"'=cmd|""x""!A1",,,1.167,1,0,,,,,,\r\n,,,"a,b\nc",,,1.167,1,0,,,,,,\r\n` +
        `,,,"a; '=1;'\uFF0B1;b-c",,,1.167,1,0,,,,,,\r\n`,
    );
  });
});
