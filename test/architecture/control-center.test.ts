import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { beforeAll, describe, expect, it } from 'vitest';
import { bundlePages, type Pages } from '../../scripts/acc/bundle.ts';

// The pages of the Admin Control Center as they are built from the sources that are here (C1, C3).

const root = join(import.meta.dirname, '../..');
const textOf = (bytes: Uint8Array): string => new TextDecoder().decode(bytes);

describe('the pages of the Admin Control Center', () => {
  let pages: Pages;
  beforeAll(async () => {
    pages = await bundlePages(root);
  });

  it('are less than 120 KB in all, compressed', () => {
    const sizes = pages.files.map(({ name, bytes }) => [name, gzipSync(bytes, { level: 9 }).length] as const);
    expect(sizes.length).toBeGreaterThan(3);
    expect(
      sizes.reduce((sum, [, size]) => sum + size, 0),
      JSON.stringify(sizes),
    ).toBeLessThan(120_000);
  });

  it('are made of their sources, Preact, Pico and uPlot, and of nothing else', () => {
    const foreign = pages.inputs.filter(
      (path) => !/^(?:packages\/control-center\/src|node_modules\/(?:preact|uplot|@picocss\/pico))\//.test(path),
    );
    expect(foreign).toEqual([]);
  });

  it('hold nothing inline and name nothing of elsewhere, so that the policy needs no exception (S8)', () => {
    const html = textOf(pages.files.find(({ name }) => name === 'index.html')?.bytes ?? new Uint8Array());
    expect(html).toContain('<script');
    expect([...html.matchAll(/<script[^>]*>([^<]*)<\/script>/g)].map(([, inside]) => inside)).toEqual(['', '']);
    expect(html).not.toMatch(/<style|\sstyle=|\son[a-z]+=|https?:/);
    const css = pages.files.filter(({ name }) => name.endsWith('.css')).map(({ bytes }) => textOf(bytes));
    for (const each of css) expect([...each.matchAll(/url\((?!["']?data:)[^)]*\)|@import/g)].map(([found]) => found)).toEqual([]);
  });

  it('have the hash of their content in their names, all but index.html', () => {
    for (const { name } of pages.files) expect(name).toMatch(/^(?:index\.html|acc\/[\w.]+-[0-9A-Z]{8}\.(?:js|css))$/);
  });

  it('never make HTML of a text (S8)', async () => {
    const sources = pages.inputs.filter((path) => path.startsWith('packages/control-center/src'));
    const { readFile } = await import('node:fs/promises');
    const texts = await Promise.all(sources.map(async (path) => ({ path, text: await readFile(join(root, path), 'utf8') })));
    expect(texts.filter(({ text }) => /dangerouslySetInnerHTML|innerHTML|insertAdjacentHTML|document\.write|\beval\(/.test(text))).toEqual(
      [],
    );
  });
});
