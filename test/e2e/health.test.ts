import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keyhaven, type LoneLm, startLoneLm } from './lone-lm.ts';

// C5, C4: why a license manager is degraded is in the error log, at /readyz and in `keyhaven status`, from a bad edit of its settings until it is mended.

describe.each(['keyhaven.ini', 'keyhaven.toml'])('a fault that comes into %s while the license manager runs', (name) => {
  let directory = '';
  let file = '';
  let lm: LoneLm;
  const isIni = name.endsWith('.ini');
  const right = isIni ? '[SERVER]\nerrorlog = 1\n[REMOTE]\nbroadcastsearch = 0\n' : '[log]\nerrors = true\n[search]\nbroadcast = false\n';
  const wrong = isIni ? '[SERVER]\nerrorlog = 1\nidle_session_timeout_mins = never\n' : '[log]\nerrors = true\nmaxsize = 3\n';
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'keyhaven-health-'));
    file = join(directory, name);
    await writeFile(file, right);
    lm = await startLoneLm(join(directory, 'state'), ['--config', file]);
  });
  afterAll(async () => {
    await lm.end('SIGKILL');
    await rm(directory, { recursive: true, force: true });
  });

  const ready = async (): Promise<{ readonly status: string; readonly reasons?: readonly string[] }> =>
    (await (await fetch(`http://127.0.0.1:${lm.port}/readyz`)).json()) as { status: string; reasons?: string[] };
  const status = async (...more: readonly string[]) => keyhaven(['status', '--lm', `127.0.0.1:${lm.port}`, ...more]);

  it('is told with its line, changes nothing, and is over when the file is right again', async () => {
    expect(await ready()).toEqual({ status: 'ready' });
    expect(JSON.parse((await status('--json')).stdout)).toMatchObject({ state: 'ready', reasons: [] });

    await writeFile(file, wrong);
    await expect.poll(async () => (await ready()).status, { timeout: 30_000 }).toBe('degraded');
    const brief = 'the settings file cannot be used (line 3); the previous settings remain in effect';
    expect(await ready()).toEqual({ status: 'degraded', reasons: [brief] });

    const text = (await status()).stdout;
    expect(text).toMatch(/^degraded: The configuration is not valid: .*line 3: .*; the previous settings remain in effect$/m);
    const json = JSON.parse((await status('--json')).stdout) as { state: string; reasons: string[] };
    expect(json.state).toBe('degraded');
    expect(json.reasons.join()).toContain(isIni ? 'idle_session_timeout_mins' : 'maxsize');

    const lines = async (): Promise<string> => (await keyhaven(['log', 'error', '--lm', `127.0.0.1:${lm.port}`])).stdout;
    await expect
      .poll(lines, { timeout: 20_000 })
      .toMatch(/ error settings not changed .*line 3: .*The previous settings remain in effect\./);

    await writeFile(file, right);
    await expect.poll(ready, { timeout: 30_000 }).toEqual({ status: 'ready' });
  });
});
