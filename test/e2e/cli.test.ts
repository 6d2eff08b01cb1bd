import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { stripVTControlCharacters } from 'node:util';
import { createTestVendor } from '@keyhaven/testkit/local-lm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort, keyhaven, type LoneLm, licenseAt, startLoneLm } from './lone-lm.ts';
import { inPty, noPty } from './pty.ts';

// The command line as people and programs meet it (C4): on a terminal, in a pipe, and where a license manager goes away.

const KEYHAVEN = join(import.meta.dirname, '../../packages/cli/bin/keyhaven.js');
const FEATURE = 42;
const ESCAPE = '\u001B[';
const noTerminal = noPty();
const plain = (text: string): string => stripVTControlCharacters(text).replaceAll('\r', '');

describe('the command line', () => {
  const directory = mkdtempSync(join(tmpdir(), 'keyhaven-cli-'));
  const vendor = createTestVendor(
    `products: [{ id: 1, name: Survey, features: [{ id: ${FEATURE}, name: 測深機, license: { type: perpetual }, concurrency: { seats: 2 } }] }]`,
  );
  let lm: LoneLm;
  let key = '';
  const at = (): string[] => ['--lm', `127.0.0.1:${lm.port}`];
  const terminal = (args: readonly string[], options: Parameters<typeof inPty>[1] = {}) =>
    inPty([process.execPath, KEYHAVEN, ...args, ...at()], options);

  beforeAll(async () => {
    lm = await startLoneLm(join(directory, 'state'));
    key = await licenseAt(lm, vendor);
  });
  afterAll(async () => {
    await lm?.end();
    rmSync(directory, { recursive: true, force: true });
  });

  describe('on a terminal', () => {
    it('is colored and within its width; NO_COLOR, a dumb terminal and a pipe are plain, and a pipe is whole', async (context) => {
      if (noTerminal !== undefined) context.skip(noTerminal);
      const narrow = terminal(['features'], { columns: 60 });
      expect(await narrow.ended).toBe(0);
      expect(narrow.screen).toContain(`${ESCAPE}1m`);
      const lines = plain(narrow.screen).trimEnd().split('\n');
      // Three of its characters take two columns each.
      for (const line of lines) expect(line.length).toBeLessThanOrEqual(60);
      expect(lines[0]).toMatch(/^FEATURE {2}NAME/);
      expect(lines[1]).toContain('…');
      for (const env of [{ NO_COLOR: '1' }, { TERM: 'dumb' }]) {
        const colorless = terminal(['features'], { env });
        expect(await colorless.ended).toBe(0);
        expect(colorless.screen).not.toContain(ESCAPE);
      }
      const piped = await keyhaven(['features', ...at()], { env: { FORCE_COLOR: '' } });
      expect(piped.stdout).not.toContain(ESCAPE);
      expect(piped.stdout).toContain(key);
      expect(piped.stdout).toMatch(/^FEATURE {2}NAME +PRODUCT .* USED +SEATS +WAITING +COUNT\n {5}42 {2}測深機 .* 0 +2 +0 {2}\S+\n$/);
      expect((await keyhaven(['features', ...at()], { env: { FORCE_COLOR: '1' } })).stdout).toContain(`${ESCAPE}1m`);
    });

    it('watches a list in place, marks what changes, and ends with 0 by Ctrl-C with the terminal as it was', async (context) => {
      if (noTerminal !== undefined) context.skip(noTerminal);
      const watch = terminal(['sessions', '--watch'], { columns: 160 });
      await watch.shows(/No application uses a key/);
      const held = await lm.hold(vendor.vendorCode, FEATURE);
      const shown = plain(await watch.shows(new RegExp(`\\+ *(?:${ESCAPE.replace('[', '\\[')}0m)? ${held.session}`)));
      expect(shown).toContain(`+ ${held.session}`);
      const from = watch.screen.length;
      await held.end();
      await watch.shows(/1 gone/, from);
      watch.type('\u0003');
      expect(await watch.ended).toBe(0);
      expect(watch.screen.indexOf(`${ESCAPE}?1049h`)).toBeLessThan(watch.screen.indexOf(`${ESCAPE}?1049l`));
      expect(watch.screen).toContain(`${ESCAPE}?25h`);
    });

    it('tells progress on standard error after half a second, and takes it back', async (context) => {
      if (noTerminal !== undefined) context.skip(noTerminal);
      // A license manager that takes its time.
      const slow: Server = createServer((_request, response) => void setTimeout(() => response.end('[]'), 1_500)).listen(0, '127.0.0.1');
      await once(slow, 'listening');
      const address = slow.address();
      const port = typeof address === 'object' ? address?.port : undefined;
      try {
        const command = ['keys', '--lm', `127.0.0.1:${port}`];
        const asked = inPty([process.execPath, KEYHAVEN, ...command]);
        expect(await asked.ended).toBe(0);
        expect(asked.screen).toMatch(/waiting for the license manager at 127\.0\.0\.1:\d+ \(\d s\)/);
        expect(asked.screen).toContain(`\r${ESCAPE}KNo key is here`);
        expect((await keyhaven(command)).stderr).toBe('');
      } finally {
        slow.close();
      }
    });
  });

  describe('in a pipe', () => {
    /** Lines of `keyhaven ... --watch` as they come. */
    const watching = (args: readonly string[]) => {
      const child = spawn(process.execPath, [KEYHAVEN, ...args, ...at()], { stdio: ['ignore', 'pipe', 'pipe'] });
      const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
      let stderr = '';
      child.stderr.on('data', (part: Buffer) => (stderr += part.toString()));
      const closed = once(child, 'close');
      return {
        next: async (): Promise<string> => {
          const { value, done } = await lines.next();
          if (done === true) throw new Error(`it has ended: ${stderr}`);
          return value;
        },
        get stderr() {
          return stderr;
        },
        async interrupt() {
          child.kill('SIGINT');
          await closed;
          return child.exitCode;
        },
      };
    };

    it('--watch --json is a document for each change, and Ctrl-C ends it with 0', async () => {
      const watch = watching(['features', '--json', '--watch']);
      const used = async (): Promise<unknown> => (JSON.parse(await watch.next()) as { seats: { used: number } }[])[0]?.seats.used;
      expect(await used()).toBe(0);
      const held = await lm.hold(vendor.vendorCode, FEATURE);
      expect(await used()).toBe(1);
      await held.end();
      expect(await used()).toBe(0);
      expect(await watch.interrupt()).toBe(0);
      expect(watch.stderr).toBe('');
    });

    it('--watch tells that the license manager goes away, and goes on when it is back', async () => {
      const state = join(directory, 'leaving');
      const port = await freePort();
      const first = await startLoneLm(state, [], { port });
      const child = spawn(process.execPath, [KEYHAVEN, 'keys', '--watch', '--lm', `127.0.0.1:${port}`], {
        stdio: ['ignore', 'pipe', 'pipe'],
      });
      const [out, err] = [createInterface({ input: child.stdout }), createInterface({ input: child.stderr })];
      const closed = once(child, 'close');
      await once(out, 'line');
      const [away] = await Promise.all([once(err, 'line'), first.end()]);
      expect(away[0]).toMatch(/It is tried again\.$/);
      const back = once(err, 'line');
      const second = await startLoneLm(state, [], { port });
      expect((await back)[0]).toBe('The license manager is back.');
      const block = once(out, 'line');
      await licenseAt(second, vendor);
      expect((await block)[0]).toMatch(/^\d{4}-\d\d-\d\dT/);
      child.kill('SIGINT');
      await closed;
      expect(child.exitCode).toBe(0);
      await second.end();
    });

    it('--watch fails at once where no license manager is', async () => {
      const { code, stderr } = await keyhaven(['keys', '--watch', '--lm', `127.0.0.1:${await freePort()}`]);
      expect([code, stderr.split(':')[0]]).toEqual([1, 'error 33 LOCAL_COMM_ERR']);
    });
  });

  describe('sessions', () => {
    it('of more than 10,000 are all there, page by page, and fewer where somebody wants fewer', async () => {
      const all = Array.from({ length: 12_345 }, (_, index) => ({
        id: String(index).padStart(6, '0'),
        key: '1',
        product: 1,
        feature: FEATURE,
        user: index % 2 === 0 ? 'anna' : 'ben',
        host: 'office',
        address: '192.0.2.1',
        pid: index,
        application: 'survey',
        since: '2027-01-01T00:00:00.000Z',
        seats: 1,
        holder: 'local',
      }));
      const asked: string[] = [];
      const many = createServer(({ url = '' }, response) => {
        asked.push(url);
        const query = new URL(url, 'http://localhost').searchParams;
        const user = query.get('user');
        const rows = user === null ? all : all.filter((each) => each.user === user);
        const [from, limit] = [Number(query.get('cursor') ?? 0), Number(query.get('limit'))];
        const next = from + limit < rows.length ? String(from + limit) : null;
        response.end(JSON.stringify({ items: rows.slice(from, from + limit), next, total: rows.length }));
      }).listen(0, '127.0.0.1');
      await once(many, 'listening');
      const address = many.address();
      const to = ['--lm', `127.0.0.1:${typeof address === 'object' ? address?.port : ''}`];
      const idsOf = async (...args: string[]): Promise<string[]> =>
        (JSON.parse((await keyhaven(['sessions', '--json', ...args, ...to])).stdout) as { id: string }[]).map(({ id }) => id);
      try {
        expect(await idsOf()).toEqual(all.map(({ id }) => id));
        expect(asked.length).toBe(13);
        expect(await idsOf('--limit', '1500')).toEqual(all.slice(0, 1_500).map(({ id }) => id));
        expect(await idsOf('--user', 'anna', '--limit', '3')).toEqual(['000000', '000002', '000004']);
        expect((await keyhaven(['sessions', ...to])).stdout.split('\n')).toHaveLength(12_347);
        // Whoever reads only its beginning has had enough, and that is no failure.
        const begun = `{ '${process.execPath}' '${KEYHAVEN}' sessions --json ${to.join(' ')}; echo ended $? >&2; } | head -c 1`;
        const child = spawn('sh', ['-c', begun], { stdio: ['ignore', 'pipe', 'pipe'] });
        let told = '';
        for (const stream of [child.stdout, child.stderr]) stream.on('data', (part: Buffer) => (told += part.toString()));
        await once(child, 'close');
        expect(told).toBe('[ended 0\n');
      } finally {
        many.close();
      }
    });

    it('are those that the filters leave', async () => {
      const held = await lm.hold(vendor.vendorCode, FEATURE);
      const idsOf = async (...args: string[]): Promise<unknown> =>
        (JSON.parse((await lm.ask('sessions', '--json', ...args)).stdout) as { id: string }[]).map(({ id }) => id);
      expect(await idsOf('--key', key, '--feature', String(FEATURE))).toEqual([held.session]);
      expect(await idsOf('--feature', '7')).toEqual([]);
      expect(await idsOf('--user', 'nobody-of-this-name')).toEqual([]);
      expect((await lm.ask('sessions', '--limit', '0')).code).toBe(2);
      await held.end();
    });
  });

  it('sends the password with every command that is asked for one, net watch and --watch among them', async () => {
    const guarded: string[] = [];
    const server = createServer(({ url = '', headers }, response) => {
      const right = headers.authorization === `Basic ${Buffer.from('admin:correct horse').toString('base64')}`;
      guarded.push(`${right ? 'with' : 'without'} ${url.split('?', 1)[0]}`);
      if (!right) {
        response.writeHead(401).end(JSON.stringify({ code: 5, status: 401, message: 'No.', remedy: 'Give the password.' }));
        return;
      }
      if (url === '/api/v1/network/events') response.end('event: next\ndata: []\n\n');
      else if (url === '/api/v1/events') response.write('event: now\ndata: {}\n\n');
      else response.end('[]');
    }).listen(0, '127.0.0.1');
    await once(server, 'listening');
    const address = server.address();
    const to = ['--lm', `127.0.0.1:${typeof address === 'object' ? address?.port : ''}`];
    const file = join(directory, 'password');
    writeFileSync(file, 'correct horse\n');
    try {
      const watched = await keyhaven(['net', 'watch', '--recent', ...to, '--password-file', file]);
      expect(watched).toEqual({ code: 0, stdout: 'next: nothing is scheduled\n', stderr: '' });
      const keys = await keyhaven(['keys', '--json', ...to], { env: { KEYHAVEN_ADMIN_PASSWORD: 'correct horse' } });
      expect([keys.code, keys.stdout]).toEqual([0, '[]\n']);
      expect((await keyhaven(['net', 'watch', ...to])).stderr).toMatch(/^error 5 ACCESS_DENIED: .*Give the password\.\n$/);
      const child = spawn(process.execPath, [KEYHAVEN, 'keys', '--watch', '--json', ...to, '--password-file', file]);
      await once(createInterface({ input: child.stdout }), 'line');
      child.kill('SIGINT');
      await once(child, 'close');
      expect(child.exitCode).toBe(0);
      for (const path of ['/api/v1/network/events', '/api/v1/events', '/api/v1/keys']) expect(guarded).toContain(`with ${path}`);
    } finally {
      server.closeAllConnections();
      server.close();
    }
  });

  it('says what was wrong in its usage, with an example, and ends with 2', async () => {
    const { code, stdout, stderr } = await keyhaven(['featrues']);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^error: unknown command 'featrues'\n\(Did you mean features\?\)\n(?:Example: .*\n)?More: keyhaven --help\n$/);
    expect(await keyhaven(['apply'])).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('Example: keyhaven apply office.v2c') as string,
    });
  });
});
