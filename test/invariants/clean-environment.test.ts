import { spawnSync } from 'node:child_process';
import { expect, it } from 'vitest';
import { cleanEnvironment, cleanInPlace } from '../../scripts/workshop/clean-environment.ts';

const SPOILT = {
  PATH: 'p',
  FORCE_COLOR: '1',
  NO_COLOR: '1',
  COLUMNS: '40',
  LINES: '9',
  LANG: 'de_DE.UTF-8',
  LC_ALL: 'tr_TR',
  LC_TIME: 'x',
  LANGUAGE: 'de',
  TZ: 'Asia/Tokyo',
};

it('the terminal, language and time zone of whoever starts the tests are not those of the tests', () => {
  const clean = { PATH: 'p', LANG: 'C.UTF-8', TZ: 'UTC' };
  expect(cleanEnvironment(SPOILT)).toEqual(clean);
  const own: NodeJS.ProcessEnv = { ...SPOILT };
  cleanInPlace(own);
  expect(own).toEqual(clean);
});

it('is what a test and the programs that it starts go by', () => {
  expect([process.env['TZ'], process.env['LANG'], process.env['COLUMNS'], process.env['FORCE_COLOR']]).toEqual([
    'UTC',
    'C.UTF-8',
    undefined,
    undefined,
  ]);
  expect(new Date(0).getHours()).toBe(0);
  const script = 'process.stdout.write([new Date(0).getHours(), (1.5).toLocaleString(), process.env.FORCE_COLOR].join(" "))';
  expect(spawnSync(process.execPath, ['-e', script], { encoding: 'utf8' }).stdout).toBe('0 1.5 ');
});
