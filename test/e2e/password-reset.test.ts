import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from 'vitest';
import { keyhaven, startLoneLm } from './lone-lm.ts';

// The administrator has forgotten his password (S7).

describe('keyhaven password reset', () => {
  const root = mkdtempSync(join(tmpdir(), 'keyhaven-forgotten-'));
  const state = join(root, 'state');
  const file = join(root, 'password');
  afterAll(() => rmSync(root, { recursive: true, force: true }));
  const reset = (...more: string[]) => keyhaven(['password', 'reset', '--state', state, ...more]);
  const settings = async (port: number, password?: string): Promise<number> => {
    const headers: Record<string, string> = { 'content-type': 'application/json' };
    if (password !== undefined) headers['authorization'] = `Basic ${Buffer.from(`a:${password}`).toString('base64')}`;
    const body = '{"settings":{}}';
    return (await fetch(`http://127.0.0.1:${port}/api/v1/settings`, { method: 'PUT', headers, body })).status;
  };

  it('takes it away or sets another one while the license manager is stopped, and nothing over its port does', async () => {
    const first = await startLoneLm(state, ['--log', 'info']);
    writeFileSync(file, 'forgotten horse\n');
    expect(await first.ask('password', 'set', '--new-file', file)).toMatchObject({ code: 0, stderr: '' });
    expect(await settings(first.port)).toBe(401);
    const running = await reset();
    expect([running.code, running.stdout]).toEqual([1, '']);
    expect(running.stderr).toMatch(/^error \d+ SHARING_VIOLATION: .*running.*Stop it/);
    for (const path of ['reset', 'password/reset'])
      expect((await fetch(`http://127.0.0.1:${first.port}/api/v1/${path}`, { method: 'POST' })).status).toBe(404);
    await first.end();

    expect(await reset()).toMatchObject({ code: 0, stderr: '', stdout: expect.stringMatching(/no password now/) as string });
    expect(await reset()).toMatchObject({ code: 0, stdout: 'there was no password\n' });
    writeFileSync(file, 'another horse\n');
    expect(await reset('--new-file', file)).toMatchObject({ code: 0, stdout: 'the new password is set\n' });
    expect(statSync(join(state, 'ledger.db')).mode & 0o777).toBe(0o600);

    const again = await startLoneLm(state);
    expect([
      await settings(again.port),
      await settings(again.port, 'forgotten horse'),
      await settings(again.port, 'another horse'),
    ]).toEqual([401, 401, 200]);
    const audit = await again.ask('audit', '--json');
    expect(audit.stdout).toMatch(/"password cleared".*keyhaven password reset/);
    expect((await again.ask('audit', 'verify')).code).toBe(0);
    await again.end();
  });

  it('says what is wrong where there is no license manager', async () => {
    const none = await keyhaven(['password', 'reset', '--state', join(root, 'nothing')]);
    expect(none.code).toBe(1);
    expect(none.stderr).toMatch(/^error 72 CANNOT_READ_FILE: .*no state directory.*--state DIR/);
  });
});
