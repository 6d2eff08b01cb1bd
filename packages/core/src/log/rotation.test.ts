import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { DAY, HOUR, type Wall, wall } from '../time/index.ts';
import { type LogFile, type LogRules, logActs } from './rotation.ts';

const now = wall(Date.UTC(2026, 10, 24, 8));
const never: LogRules = { daily: false, maxBytes: 0, compressDays: 0, deleteDays: 0 };
const file = (name: string, bytes = 10, modified: Wall = now): LogFile => ({ name, bytes, modified });
const said = (files: readonly LogFile[], rules: Partial<LogRules>, at = now, begun?: Wall): string[] =>
  logActs('access', files, at, { ...never, ...rules }, begun).map((act) =>
    act.kind === 'delete' ? `delete ${act.name}` : `${act.kind} ${act.name} ${act.to}`,
  );

describe('rotation of a log (C5)', () => {
  it('does nothing where nothing is set', () => {
    expect(said([file('access.log', 1e9, wall(0)), file('access-2001-01-01.log')], {})).toEqual([]);
  });

  it('begins a new file when the day of the one that is written is over', () => {
    const yesterday = wall(now - 9 * HOUR);
    expect(said([file('access.log', 5, yesterday)], { daily: true })).toEqual(['rotate access.log access-2026-11-23.log']);
    expect(said([file('access.log', 5, now)], { daily: true })).toEqual([]);
    expect(said([file('access.log', 5, now)], { daily: true }, now, yesterday)).toEqual(['rotate access.log access-2026-11-23.log']);
    expect(said([file('access.log', 0, yesterday)], { daily: true }), 'an empty one is as good as new').toEqual([]);
  });

  it('begins a new file when it is as large as it may be, with a name of its own', () => {
    const rules = { maxBytes: 1_000 };
    expect(said([file('access.log', 999)], rules)).toEqual([]);
    expect(said([file('access.log', 1_000)], rules)).toEqual(['rotate access.log access-2026-11-24.log']);
    expect(said([file('access.log', 1_000), file('access-2026-11-24.log')], rules)).toEqual(['rotate access.log access-2026-11-24.2.log']);
    const more = [file('access.log', 1_000), file('access-2026-11-24.log.gz'), file('access-2026-11-24.9.log.gz')];
    expect(said(more, rules)).toEqual(['rotate access.log access-2026-11-24.10.log']);
  });

  it('compresses and deletes by the day in the name', () => {
    const files = [
      file('access-2026-11-23.log'),
      file('access-2026-11-22.log'),
      file('access-2026-11-14.log.gz'),
      file('access-2026-11-15.log.gz'),
    ];
    expect(said(files, { compressDays: 2 })).toEqual(['compress access-2026-11-22.log access-2026-11-22.log.gz']);
    expect(said(files, { deleteDays: 10 })).toEqual(['delete access-2026-11-14.log.gz']);
    expect(said([file('access-2026-11-14.log')], { compressDays: 1, deleteDays: 10 })).toEqual(['delete access-2026-11-14.log']);
  });

  it('clears what an end in the middle left', () => {
    const files = [
      file('access-2026-11-20.log'),
      file('access-2026-11-20.log.gz'),
      file('access-2026-11-19.log'),
      file('access-2026-11-19.log.gz.part'),
    ];
    expect(said(files, {})).toEqual(['delete access-2026-11-19.log.gz.part', 'delete access-2026-11-20.log']);
  });

  it('never touches a file of another name', () => {
    const names = [
      'access-2026-11-01.log.txt',
      'error-2026-11-01.log',
      'access-2026-1-1.log',
      'my-access-2026-11-01.log',
      'access-2026-13-41.log',
      'access-.log',
      'ledger.db',
    ];
    expect(
      said(
        names.map((name) => file(name, 1e9, wall(0))),
        { daily: true, maxBytes: 1, compressDays: 1, deleteDays: 1 },
      ),
    ).toEqual([]);
  });

  it('of a year of days leaves as many as it may, and none twice', () => {
    const rules = { ...never, daily: true, maxBytes: 500, compressDays: 3, deleteDays: 10 };
    fc.assert(
      fc.property(fc.array(fc.nat(600), { minLength: 30, maxLength: 60 }), (sizes) => {
        let files: LogFile[] = [];
        const start = Date.UTC(2026, 0, 1);
        sizes.forEach((bytes, index) => {
          const at = wall(start + index * (DAY / 2));
          files = [...files.filter(({ name }) => name !== 'access.log'), file('access.log', bytes, at)];
          const acts = logActs('access', files, wall(at + HOUR), rules);
          for (const act of acts) {
            const of = files.find(({ name }) => name === act.name);
            expect(of).toBeDefined();
            files = files.filter((each) => each !== of);
            if (act.kind !== 'delete') {
              expect(files.map(({ name }) => name)).not.toContain(act.to);
              files.push(file(act.to, bytes, at));
            }
          }
          const days = files.flatMap(({ name }) => /^access-(.{10})/.exec(name)?.[1] ?? []).map((day) => Date.parse(day));
          for (const day of days) expect(at + HOUR - day).toBeLessThan(10 * DAY + DAY);
        });
      }),
      { numRuns: 30 },
    );
  });
});
