import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseSettings, startAdminLm } from '@keyhaven/license-manager';
import { freeTcpPort } from '@keyhaven/testkit/local-lm';
import { expect, it, onTestFinished } from 'vitest';

// The guide to the admin API: its commands work as they stand there.

const root = new URL('../../', import.meta.url).pathname;

it('the commands of docs/guide/admin-api.md work as they stand there', async (context) => {
  const guide = await readFile(join(root, 'docs/guide/admin-api.md'), 'utf8');
  const blocks = [...guide.matchAll(/^```sh\n([\s\S]*?)^```$/gm)].map(([, text = '']) => text);
  expect(blocks.length).toBeGreaterThanOrEqual(7);
  const directory = await mkdtemp(join(tmpdir(), 'kh-guide-'));
  onTestFinished(() => rm(directory, { recursive: true, force: true }));
  const port = await freeTcpPort();
  const run = async (script: string): Promise<{ readonly code: number; readonly said: string }> => {
    const child = spawn('bash', ['-e', '-c', script], { cwd: directory, stdio: ['ignore', 'pipe', 'pipe'] });
    let said = '';
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text: string) => void (said += text));
    const [code]: unknown[] = await once(child, 'close');
    return { code: Number(code), said };
  };
  if ((await run('command -v curl')).code !== 0) return context.skip('curl is not installed');
  const overrides = { bind: ['127.0.0.1'], port, name: 'guide' };
  const lm = await startAdminLm({
    settings: parseSettings('', { ...overrides, search: { broadcast: false } }),
    configuration: { file: join(directory, 'keyhaven.ini'), overrides },
    stateDirectory: join(directory, 'state'),
  });
  onTestFinished(() => lm.close());
  const keyhaven = `'${process.execPath}' '${join(root, 'packages/cli/bin/keyhaven.js')}'`;
  for (const block of blocks) {
    const script = block
      .replaceAll('127.0.0.1:1947', `127.0.0.1:${port}`)
      .replaceAll(/npx keyhaven (.+)$/gm, (_, rest: string) => `${keyhaven} ${rest} --lm 127.0.0.1:${port}`);
    const { code, said } = await run(script);
    expect(code, `${script}\n${said}`).toBe(0);
    expect(said, script).not.toMatch(/"code":501|INT_ERR/);
  }
  expect(await readFile(join(directory, 'report.txt'), 'utf8')).toContain('== status ==');
  expect(await readFile(join(directory, 'computer.id'), 'utf8')).toContain('KEYHAVEN');
});
