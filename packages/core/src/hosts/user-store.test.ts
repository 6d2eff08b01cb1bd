import { describe, expect, it } from 'vitest';
import { type Environment, externalLmFile, userStoreDirectory } from './user-store.ts';

describe('userStoreDirectory', () => {
  it.each([
    ['linux', {}, '/users/eva/.local/share/keyhaven/user/7'],
    ['linux', { XDG_DATA_HOME: '/data' }, '/data/keyhaven/user/7'],
    ['linux', { XDG_DATA_HOME: 'data' }, '/users/eva/.local/share/keyhaven/user/7'],
    ['linux', { XDG_DATA_HOME: '/data', KEYHAVEN_STATE: '/state' }, '/state/user/7'],
    ['linux', { KEYHAVEN_STATE: '' }, '/users/eva/.local/share/keyhaven/user/7'],
    ['darwin', { XDG_DATA_HOME: '/data' }, '/users/eva/Library/Application Support/Keyhaven/user/7'],
  ])('on %s with %j is %s', (platform, env, directory) => {
    expect(userStoreDirectory(env, platform, '/users/eva', 7)).toBe(directory);
  });

  it('on Windows lies in the local part of the profile', () => {
    const directory = (env: Environment): string => userStoreDirectory(env, 'win32', 'C:\\People\\eva', 7);
    expect(directory({})).toBe('C:\\People\\eva\\AppData\\Local\\Keyhaven\\user\\7');
    expect(directory({ LOCALAPPDATA: 'D:\\Local' })).toBe('D:\\Local\\Keyhaven\\user\\7');
  });
});

describe('externalLmFile', () => {
  it('ends like the programs of the platform', () => {
    expect([externalLmFile('linux'), externalLmFile('win32')]).toEqual(['keyhaven-external-lm', 'keyhaven-external-lm.exe']);
  });
});
