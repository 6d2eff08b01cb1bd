import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createTestVendor } from '@keyhaven/testkit/local-lm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { keyhaven, type LoneLm, licenseAt, startLoneLm } from './lone-lm.ts';
import { inPty, noPty } from './pty.ts';

// What cannot be undone asks at a terminal, says what is lost, and does nothing without a yes; a script is never asked.

const CATALOG = `products:
  - id: 1
    name: Survey
    rehost: true
    features: [{ id: 42, name: Terrain, license: { type: perpetual }, concurrency: { seats: 3 } }]
`;
const KEYHAVEN = join(import.meta.dirname, '../../packages/cli/bin/keyhaven.js');

describe.skipIf(noPty() !== undefined)('keyhaven rehost', () => {
  let directory = '';
  let lm: LoneLm;
  let key = '';
  const file = (name: string): string => join(directory, name);
  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'keyhaven-confirm-'));
    lm = await startLoneLm(file('state'));
    key = await licenseAt(lm, createTestVendor(CATALOG));
    const other = await startLoneLm(file('other'));
    await keyhaven(['recipient', '--out', file('id'), '--lm', `127.0.0.1:${other.port}`]);
    await other.end('SIGTERM');
  });
  afterAll(async () => {
    await lm.end('SIGKILL');
    await rm(directory, { recursive: true, force: true });
  });
  const words = (): string[] => ['rehost', '--key', key, '--recipient', file('id'), '--out', file('h2h'), '--lm', `127.0.0.1:${lm.port}`];

  it('asks at a terminal, and moves nothing without a yes', async () => {
    for (const answer of ['\r', 'n\r', 'no\r', '\u0004']) {
      const terminal = inPty([process.execPath, KEYHAVEN, ...words()]);
      await terminal.shows(/Move key \d+ away from this computer\? It cannot be used here afterwards; go on\? \[y\/N\]/);
      terminal.type(answer);
      await terminal.shows(/error 501 .*Nothing was done\. Answer y, or give --yes\./);
      expect(await terminal.ended).toBe(1);
    }
    expect((await lm.ask('keys')).stdout).toContain(key);
    const kill = inPty([process.execPath, KEYHAVEN, 'sessions', 'kill', 'none', '--lm', `127.0.0.1:${lm.port}`]);
    await kill.shows(/End this session\? \[y\/N\]/);
    kill.type('y\r');
    await kill.shows(/No session has the id/);
  });

  it('does not ask a script', async () => {
    const { code, stdout, stderr } = await keyhaven(words());
    expect([code, stdout], stderr).toEqual([0, `written: ${file('h2h')}\n`]);
  });
});
