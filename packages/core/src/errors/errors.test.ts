import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { catalogue, explain, formatError, LicensingError, notProduced, Status, type StatusName, statusOf } from './index.ts';

const documented = readFileSync(new URL('../../../../docs/errors.md', import.meta.url), 'utf8')
  .split('\n')
  .map((line) => line.match(/^\| (\d+) \| ([A-Z_]+) \| (.+) \| (.+) \| (.+) \|$/))
  .filter((found) => found !== null)
  .map(([, status, name, message, remedy, produced]) => ({ status: Number(status), name, message, remedy, produced }));
const reasons: Partial<Record<StatusName, string>> = notProduced;

describe('the catalogue of statuses', () => {
  it('equals docs/errors.md in both directions: number, name, message, remedy, and whether it is produced', () => {
    const produced = ({ name }: { name: StatusName }): string => (reasons[name] === undefined ? 'yes' : `no: ${reasons[name]}`);
    expect(documented).toEqual(catalogue.map((entry) => ({ ...entry, produced: produced(entry) })));
  });

  it('has every status of the field: 0 to 113 without a gap, and the 400, 500 and 600 ranges', () => {
    const numbers = [...Array(114).keys(), 400, 401, 402, 500, 501, 502, 503, 525, 600, 650, 651, 652, 698, 699];
    expect(catalogue.map(({ status }) => status)).toEqual(numbers);
  });

  it('says in whole sentences what happened and what to do, without a character that would break the table', () => {
    for (const { message, remedy } of catalogue) {
      for (const text of [message, remedy]) expect(text).toMatch(/^[A-Z`][^|\n]+\.$/);
      expect(message).not.toBe(remedy);
    }
    expect(new Set(catalogue.map(({ message }) => message)).size).toBe(catalogue.length);
  });

  it('keeps the names that applications rely on', () => {
    const { KEY_NOT_FOUND, FEATURE_NOT_FOUND, LOCAL_COMM_ERR, INV_SCOPE, TOO_MANY_USERS, KEY_INACTIVE, KEY_DISABLED } = Status;
    const numbers = [KEY_NOT_FOUND, FEATURE_NOT_FOUND, LOCAL_COMM_ERR, INV_SCOPE, TOO_MANY_USERS, KEY_INACTIVE, KEY_DISABLED];
    expect(numbers).toEqual([7, 31, 33, 36, 38, 66, 83]);
  });
});

describe('statusOf', () => {
  it('knows the numbers of the catalogue and no others', () => {
    for (const { status } of catalogue) expect(statusOf(status)).toBe(status);
    for (const value of [-1, 114, 399, 504, 700, 0.5, Number.NaN, Number.POSITIVE_INFINITY]) expect(statusOf(value)).toBeUndefined();
  });
});

describe('LicensingError', () => {
  it('carries status, name, message and remedy of the catalogue', () => {
    const error = new LicensingError(Status.TOO_MANY_USERS);
    expect(error).toBeInstanceOf(Error);
    expect(error).toMatchObject(explain(38));
    expect(error.statusName).toBe('TOO_MANY_USERS');
    expect(JSON.parse(JSON.stringify(error))).toEqual(explain(38));
    expect('cause' in error).toBe(false);
  });

  it('adds the particular cause to the message and keeps what led to it', () => {
    const cause = new Error('EACCES');
    const error = new LicensingError(Status.CANNOT_READ_FILE, { detail: 'license.v2c: permission denied', remedy: 'Run chmod', cause });
    expect(error.message).toBe(`${explain(72).message} license.v2c: permission denied.`);
    expect(error.remedy).toBe('Run chmod.');
    expect(error.cause).toBe(cause);
  });

  it('is formatted as one line even when its detail quotes line breaks', () => {
    const error = new LicensingError(Status.INV_SCOPE, { detail: 'Element a\r\nerror 0 OK\u001b[2J is unknown' });
    expect(formatError(error)).toBe(
      `error 36 INV_SCOPE: The scope is not valid. Element a error 0 OK [2J is unknown. ${explain(36).remedy}`,
    );
  });
});
