import { spawnSync } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestVendor, startLocalLm } from '@keyhaven/testkit/local-lm';
import { describe, expect, it } from 'vitest';

// The alert rules and the dashboard in tools/monitoring: they are what their programs take, and ask for metrics that there are.

const directory = new URL('../../tools/monitoring/', import.meta.url).pathname;
const read = (name: string): Promise<string> => readFile(join(directory, name), 'utf8');
const metricsIn = (text: string): Set<string> =>
  new Set([...text.matchAll(/\b(?:keyhaven|process|nodejs)_[a-z_]+\b/g)].map(([name]) => name));

const known = async (): Promise<(name: string) => boolean> => {
  const guide = await readFile(new URL('../../docs/guide/monitoring.md', import.meta.url), 'utf8');
  const rows = [...guide.matchAll(/^\| `([a-z_]+)` \| (\w+) \|/gm)].flatMap(([, name = '', type]) =>
    type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
  );
  expect(rows.length).toBeGreaterThan(15);
  return (name) => rows.includes(name);
};

describe('tools/monitoring', () => {
  it.for([
    ['check', 'rules', 'keyhaven.rules.yml'],
    ['test', 'rules', 'keyhaven.rules.test.yml'],
  ] as const)('promtool %s %s %s', ([verb, what, file], context) => {
    const run = spawnSync('promtool', [verb, what, file], { cwd: directory, encoding: 'utf8' });
    if (run.error !== undefined) return context.skip('promtool (Debian package prometheus) is not installed');
    expect(`${run.stdout}${run.stderr}`).toContain('SUCCESS');
    expect(run.status).toBe(0);
  });

  it.each(['keyhaven.rules.yml', 'keyhaven.dashboard.json'])('%s asks for metrics that there are', async (name) => {
    const isKnown = await known();
    const asked = [...metricsIn(await read(name))];
    expect(asked.length).toBeGreaterThan(5);
    expect(asked.filter((each) => !isKnown(each))).toEqual([]);
  });

  it('the dashboard is one, with no two panels in one place', async () => {
    const { panels } = JSON.parse(await read('keyhaven.dashboard.json')) as {
      readonly panels: readonly { readonly id: number; readonly gridPos: { readonly x: number; readonly y: number; readonly w: number } }[];
    };
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    expect(new Set(panels.map(({ gridPos: { x, y } }) => `${x} ${y}`)).size).toBe(panels.length);
    for (const { gridPos } of panels) expect(gridPos.x + gridPos.w).toBeLessThanOrEqual(24);
  });
});

describe('/metrics of a license manager, as Prometheus reads it', () => {
  const CATALOG = 'products: [{ id: 1, name: One, features: [{ id: 42, name: A, license: { type: expiration, until: 2040-01-01 } }] }]';
  const scraped = async (accept: string): Promise<string> => {
    await using local = await startLocalLm();
    await local.license(createTestVendor(CATALOG, 7));
    const answer = await fetch(`http://127.0.0.1:${local.port}/metrics`, { headers: { accept } });
    expect(answer.status).toBe(200);
    return await answer.text();
  };

  it('has nothing that promtool check metrics finds fault with', async (context) => {
    const run = spawnSync('promtool', ['check', 'metrics'], { input: await scraped('text/plain'), encoding: 'utf8' });
    if (run.error !== undefined) return context.skip('promtool (Debian package prometheus) is not installed');
    expect(`${run.stdout}${run.stderr}`).toBe('');
    expect(run.status).toBe(0);
  });

  it('is OpenMetrics that Prometheus takes in, every series of it', async (context) => {
    const text = await scraped('application/openmetrics-text; version=1.0.0');
    expect(text.endsWith('\n# EOF\n')).toBe(true);
    // What is taken in from a file has to say when it was so.
    const dated = text.replaceAll(/^([^#\n].*)$/gm, '$1 1700000000');
    const folder = await mkdtemp(join(tmpdir(), 'keyhaven-metrics-'));
    try {
      await writeFile(join(folder, 'metrics'), dated);
      const made = spawnSync('promtool', ['tsdb', 'create-blocks-from', 'openmetrics', 'metrics', 'data'], {
        cwd: folder,
        encoding: 'utf8',
      });
      if (made.error !== undefined) return context.skip('promtool (Debian package prometheus) is not installed');
      expect(made.status, made.stderr).toBe(0);
      const [, series] = /(\d+) +\d+\n*$/.exec(made.stdout.trimEnd()) ?? [];
      expect(Number(series), made.stdout).toBe(text.split('\n').filter((line) => /^[a-z]/.test(line)).length);
    } finally {
      await rm(folder, { recursive: true });
    }
  });
});
