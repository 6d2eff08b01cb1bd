import { readFile } from 'node:fs/promises';
import type { Download, Locator, Page } from 'playwright-core';

// What people do at the Admin Control Center: by the names that are seen or read out.

export const button = (at: Page | Locator, name: string | RegExp): Locator =>
  at.getByRole('button', { name, exact: typeof name === 'string' });
export const file = (name: string, text: string | Buffer) => ({ name, mimeType: 'text/plain', buffer: Buffer.from(text) });
export const textOf = async (download: Promise<Download>): Promise<{ readonly name: string; readonly text: string }> => {
  const done = await download;
  return { name: done.suggestedFilename(), text: await readFile(await done.path(), 'utf8') };
};
export const messages = (page: Page): Locator => page.locator('.toasts .notice');
