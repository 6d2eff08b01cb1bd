import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DEFAULT_PATTERN } from '@keyhaven/core/log';
import { describe, expect, it, onTestFinished } from 'vitest';
import { parseSettings } from '../settings.ts';
import { createAdministeredSettings } from './administered.ts';
import { parseConfiguration } from './load.ts';

const notesOf = (file: string, text: string): string[] =>
  parseConfiguration(file, Buffer.from(text), { name: 'here' }).notes.map(({ line, level, text: said }) => `${line} ${level} ${said}`);
const FAULT = 'the pattern names {sessioncount}, and there is only {timestamp}';

describe('a wrong pattern of the access log (field-facts 2.9)', () => {
  it('is told with its line where a file has one, and is no reason not to start', () => {
    expect(notesOf('hasplm.ini', '[SERVER]\nrequestlog = 1\n[LOGPARAMETERS]\ntext = {url} {sessioncount}{newline}\n')).toEqual([
      expect.stringMatching(`^4 warn \\[LOGPARAMETERS\\] text: ${FAULT}`),
    ]);
    expect(notesOf('lm.toml', '# mine\n[log]\npattern = "{url} {sessioncount}"\n')).toEqual([
      expect.stringMatching(`^3 warn log.pattern: ${FAULT}`),
    ]);
    expect(notesOf('hasplm.ini', `[LOGPARAMETERS]\ntext = ${DEFAULT_PATTERN}\n`)).toEqual([]);
    expect(notesOf('lm.toml', '')).toEqual([]);
  });

  it('is refused where somebody sets one, and the file stays', async () => {
    const directory = mkdtempSync(join(tmpdir(), 'keyhaven-pattern-'));
    onTestFinished(() => rmSync(directory, { recursive: true }));
    const file = join(directory, 'keyhaven.ini');
    writeFileSync(file, '; mine\n');
    const overrides = { name: 'here' };
    const current = (): ReturnType<typeof parseSettings> => parseSettings('', overrides);
    const settings = createAdministeredSettings({ file, overrides, current, apply: () => ({ now: [], restart: [] }) });
    await expect(settings.change({ 'log.pattern': '{url} {sessioncount}' })).rejects.toMatchObject({
      status: 501,
      message: expect.stringContaining(`log.pattern: ${FAULT}`),
    });
    expect(readFileSync(file, 'utf8')).toBe('; mine\n');
    await settings.change({ 'log.pattern': '{url} = {statuscode}{newline}', 'log.access': true });
    expect(readFileSync(file, 'utf8')).toContain('{url} = {statuscode}{newline}');
    await settings.change({ 'log.pattern': undefined });
  });
});
