import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import { type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createLicensing, type Licensing } from '@keyhaven/licensing-api/licensing';
import { createTestVendor } from '@keyhaven/testkit/local-lm';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { lmAddressFrom, ownIdentity, systemEntropy } from '../../packages/licensing-api/src/environment.ts';
import { keyhaven, type LoneLm, licenseAt, startLoneLm } from './lone-lm.ts';

// What other computers call themselves, where people and spreadsheets read it: terminals, logs, CSV (S8).

/** Clears a screen, sets a title, colors by a byte of C1, turns the direction of writing, ends a line. */
const SEQUENCES = '\u001b[2J\u001b]0;pwned\u0007\u009b31m\u202eevil\u2066\r\nroot granted';
const FORMULA = "=cmd|' /C calc'!A0;=2+5;\uFF1D1";
const UNSAFE = /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u;
/** But for the lines that the program itself makes. */
const unsafeIn = (text: string): string | undefined => UNSAFE.exec(text.replaceAll('\n', ''))?.[0];

const vendor = createTestVendor(`
products:
  - id: 1
    name: "=HYPERLINK(1)"
    features:
      - { id: 10, name: "+Echo", license: { type: perpetual }, concurrency: { seats: 1, network: true } }
`);

describe('S8: names of users, computers and applications', () => {
  const state = mkdtempSync(join(tmpdir(), 'keyhaven-names-'));
  const config = join(state, 'keyhaven.toml');
  let lm: LoneLm;
  const applications: Licensing[] = []; // BOUNDED by what is below
  beforeAll(async () => {
    writeFileSync(config, '[log]\naccess = true\nlocal = true\nadmin = true\nerrors = true\n');
    lm = await startLoneLm(state, ['--config', config]);
    await licenseAt(lm, vendor);
    for (const [user, start] of [
      [SEQUENCES, ownIdentity().start],
      [FORMULA, 0],
    ] as const) {
      const identity = {
        ...ownIdentity(),
        user,
        host: user.slice(0, 60),
        application: user,
        ...(start === 0 ? { pid: process.ppid, start } : {}),
      };
      const application = createLicensing(lmAddressFrom(`127.0.0.1:${lm.port}`), identity, systemEntropy);
      applications.push(application);
      // The second one is refused: the only seat is taken.
      await application.login({ vendorCode: vendor.vendorCode, feature: 10 }).catch(() => undefined);
    }
  });
  afterAll(async () => {
    await lm?.end();
    rmSync(state, { recursive: true, force: true });
  });

  it('do nothing in a terminal, as a table or as JSON', async () => {
    const commands = [['sessions'], ['sessions', '--json'], ['audit'], ['report', 'usage', '--by', 'user', '--csv']];
    for (const command of commands) {
      const { stdout, stderr, code } = await lm.ask(...command);
      expect([command, code, stderr]).toEqual([command, 0, '']);
      expect(unsafeIn(stdout.replaceAll('\r\n', '\n')), command.join(' ')).toBeUndefined();
      expect(stdout).toContain('evil');
    }
    const file = await keyhaven(['apply', `no-${SEQUENCES.replaceAll('\n', '')}.v2c`, '--lm', `127.0.0.1:${lm.port}`]);
    expect([file.code, unsafeIn(file.stdout + file.stderr)]).toEqual([1, undefined]);
  });

  it('do nothing in a terminal that shows what curl was answered', async () => {
    for (const path of [
      'sessions',
      'audit',
      'denials',
      'list/sessions',
      'list/audit',
      'recent/users',
      'usage?by=user',
      'diagnostics',
      'log/access',
    ]) {
      const text = await (await fetch(`http://127.0.0.1:${lm.port}/api/v1/${path}`)).text();
      expect(/\p{Cc}/u.exec(text)?.[0], path).toBeUndefined();
    }
  });

  it('are one line of a log and do nothing there', async () => {
    const read = () => readFileSync(join(state, 'logs', 'access.log'), 'utf8');
    await vi.waitFor(() => expect(read()).toContain('evil'), 10_000);
    const logs = readdirSync(join(state, 'logs'));
    expect(logs).toContain('access.log');
    for (const log of logs) {
      const text = readFileSync(join(state, 'logs', log), 'utf8');
      expect(unsafeIn(text), log).toBeUndefined();
      expect(
        text.split('\n').filter((line) => line.startsWith('root granted')),
        log,
      ).toEqual([]);
    }
    expect(unsafeIn(lm.log)).toBeUndefined();
  });

  it('are no formula of a spreadsheet, whatever it takes for the end of a cell', async () => {
    for (const by of ['user', 'host', 'feature']) {
      const csv = await (await fetch(`http://127.0.0.1:${lm.port}/api/v1/usage.csv?by=${by}`)).text();
      for (const separator of [',', ';', '\t'])
        for (const cell of csv.split(/\r?\n/).flatMap((line) => line.split(separator)))
          expect(cell.replace(/^["\s]+/, ''), `${by} ${separator}`).not.toMatch(/^[=+\-@\uFF1D\uFF0B\uFF0D\uFF20]/);
      if (by === 'user') expect(csv).toContain('cmd|');
    }
  });
});

describe('S8: a license manager that is hostile itself', () => {
  let server: Server;
  let port = 0;
  beforeAll(async () => {
    const problem = {
      type: 'x',
      title: 'x',
      status: 409,
      detail: SEQUENCES,
      code: 38,
      name: SEQUENCES,
      message: SEQUENCES,
      remedy: SEQUENCES,
    };
    const row = new Proxy({}, { get: () => SEQUENCES });
    const names =
      'id key feature product user host pid application since vendor type location state name guid hostname address license kind scope detail at cause remedy'.split(
        ' ',
      );
    const item = {
      ...Object.fromEntries(names.map((name) => [name, Reflect.get(row, name)])),
      local: false,
      licenseManager: { hostname: SEQUENCES },
      seats: { used: 1, limit: 2, waiting: 0 },
    };
    server = createServer((request, response) => {
      request.resume();
      if (request.url?.endsWith('/network/events') === true) {
        const event = {
          number: 1,
          at: SEQUENCES,
          event: 'request',
          direction: 'in',
          kind: 'search',
          peer: SEQUENCES,
          port: 1,
          sent: 1,
          received: 1,
          result: SEQUENCES,
        };
        response.writeHead(200, { 'content-type': 'text/event-stream' });
        response.end(
          `event: traffic\ndata: ${JSON.stringify(event)}\n\nevent: next\ndata: [{"kind":"search","to":${JSON.stringify(SEQUENCES)},"at":"x"}]\n\n`,
        );
        return;
      }
      const refuses = request.url?.includes('peers') === true;
      const single = /status|settings|usage/.test(request.url ?? '');
      response.writeHead(refuses ? 409 : 200, { 'content-type': 'application/json' });
      response.end(
        JSON.stringify(refuses ? problem : single ? { ...item, tcp: [SEQUENCES], udp: [SEQUENCES], uptime: SEQUENCES } : [item]),
      );
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    ({ port } = server.address() as AddressInfo);
  });
  afterAll(() => server?.close());

  it.each(['status', 'features', 'sessions', 'sessions --json', 'peers', 'report usage', 'net watch --recent', 'sessions kill abc'])(
    'writes nothing but text to the terminal of: keyhaven %s',
    async (command) => {
      const { stdout, stderr } = await keyhaven([...command.split(' '), '--lm', `127.0.0.1:${port}`], { limitMs: 10_000 });
      expect([command, unsafeIn(stdout), unsafeIn(stderr)]).toEqual([command, undefined, undefined]);
      expect(stdout + stderr).toMatch(/evil|^error \d+ /m);
    },
  );
});
