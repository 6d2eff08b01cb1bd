import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseSettings, startAdminLm } from '@keyhaven/license-manager';
import { createLicensing, type Licensing } from '@keyhaven/licensing-api/licensing';
import { createTestVendor, freeTcpPort } from '@keyhaven/testkit/local-lm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { z } from 'zod';
import { createPorts, createTestDevice } from '../../packages/license-manager/src/devices/device.testing.ts';
import { createTestVendor as createDeviceVendor } from '../../packages/license-manager/src/keystore/vendor.testing.ts';
import { lmAddressFrom, ownIdentity, systemEntropy } from '../../packages/licensing-api/src/environment.ts';
import { commandHere, followingKeyhaven, recordingProxy } from './cli-proxy.ts';
import type { Outcome } from './lone-lm.ts';
import { OTHER_LOOPBACK, relay } from './relay.ts';

// Whatever the admin API can do, the command line can do (C4): each operation of the description has a command line here, which is run, and is seen to
// ask for it. A new route without a command fails here.

const FILE = {
  first: 'first.c2v',
  license: 'license.v2c',
  lent: 'lent.h2r',
  back: 'back.r2h',
  moved: 'moved.h2h',
  boat: 'boat.id',
  again: 'again.id',
};

/** Operations and the command that reaches each; in braces what is known only when it runs. In this order, each after what it needs. */
const COMMANDS: readonly (readonly [operation: string, command: string, at?: 'boat'])[] = [
  ['POST /api/v1/c2v', `c2v --vendor-code {code} --out {dir}/${FILE.first}`],
  ['POST /api/v1/apply', `apply {license}`],
  ['POST /api/v1/fingerprint', 'fingerprint --vendor-code {code} --out {dir}/fingerprint.xml'],
  ['GET /api/v1/status', 'status --json'],
  ['GET /api/v1/keys', 'keys --json'],
  ['PUT /api/v1/keys/{id}/name', 'key name {key} Office --json'],
  ['POST /api/v1/keys/{id}/blink', 'key blink {plugged} --json'],
  ['GET /api/v1/keys/{id}/certificate', 'key certificate --key {key} --json'],
  ['GET /api/v1/products', 'products --json'],
  ['GET /api/v1/features', 'features --json'],
  ['GET /api/v1/peers', 'peers --json'],
  ['GET /api/v1/list/sessions', 'search --in sessions --feature 43 --json'],
  ['GET /api/v1/list/keys', 'search survey'],
  ['GET /api/v1/list/products', 'search --in products --sort name --json'],
  ['GET /api/v1/list/features', 'search --in features --sort ends --desc --local'],
  ['GET /api/v1/list/peers', 'search --in peers --state linked'],
  ['GET /api/v1/list/audit', 'search --in audit --kind granted --all'],
  ['DELETE /api/v1/sessions/{id}', 'sessions kill {session}'],
  ['POST /api/v1/sessions/kill', 'sessions kill --feature 43 --yes'],
  ['GET /api/v1/recent/users', 'recent users'],
  ['GET /api/v1/recent/clients', 'recent clients --json'],
  ['GET /api/v1/waiting', 'waiting'],
  ['GET /api/v1/audit', 'audit --limit 5'],
  ['GET /api/v1/audit/verify', 'audit verify'],
  ['GET /api/v1/usage', 'report usage --by product'],
  ['GET /api/v1/usage.csv', 'report usage --csv'],
  ['GET /api/v1/log/{log}', 'log error --lines 5 --json'],
  ['GET /api/v1/diagnostics', 'diagnostics --json'],
  ['GET /api/v1/diagnostics/report', 'diagnostics --out {dir}/report.txt'],
  ['GET /api/v1/login', 'rights'],
  ['GET /api/v1/network/plan', 'net plan'],
  ['GET /api/v1/network/upcoming', 'net upcoming'],
  ['GET /api/v1/network/events', 'net watch --recent'],
  ['POST /api/v1/network/doctor', 'net doctor 127.0.0.1:{boatPort} --json'],
  ['POST /api/v1/recipient', `recipient --out {dir}/${FILE.boat}`, 'boat'],
  ['POST /api/v1/detach', `detach --key {key} --product 1 --recipient {dir}/${FILE.boat} --duration 3600 --out {dir}/${FILE.lent}`],
  ['POST /api/v1/apply', `apply {dir}/${FILE.lent} --json`, 'boat'],
  ['GET /api/v1/detached', 'detached --json'],
  ['POST /api/v1/return', `return --key {lentKey} --out {dir}/${FILE.back}`, 'boat'],
  ['POST /api/v1/apply', `apply {dir}/${FILE.back}`],
  ['POST /api/v1/detach-here', 'detach --key {key} --product 1 --here --duration 3600 --json', 'boat'],
  ['POST /api/v1/return-here', 'return --key {lentHere} --json', 'boat'],
  ['GET /api/v1/returns', 'returns --json', 'boat'],
  ['POST /api/v1/recipient', `recipient --out {dir}/${FILE.again}`, 'boat'],
  ['POST /api/v1/rehost', `rehost --key {key} --recipient {dir}/${FILE.again} --out {dir}/${FILE.moved}`],
  ['POST /api/v1/apply', `apply {dir}/${FILE.moved}`, 'boat'],
  ['GET /api/v1/settings', 'config show --changed'],
  ['PUT /api/v1/settings', 'config set search.intervalMinutes=7 limits.connections=1000'],
  ['POST /api/v1/identities', 'identity add builder --id build-7 --json'],
  ['GET /api/v1/identities', 'identity list'],
  ['PUT /api/v1/identities/{id}', 'identity change build-7 --expires 2090-12-31 --right list'],
  ['DELETE /api/v1/identities/{id}', 'identity remove build-7'],
  ['PUT /api/v1/password', 'password set --new-file {dir}/password.txt'],
  ['DELETE /api/v1/password', 'password clear --password-file {dir}/password.txt'],
  ['POST /api/v1/lm-id', 'lm new-id --json'],
];

/** Lines that do not end by themselves; Ctrl-C ends each. */
const FOLLOWING: readonly (readonly [operation: string, command: string])[] = [['GET /api/v1/events', 'log access --follow']];

/** What no command asks for, each with its reason; where another operation does the same, a command reaches that one. */
const WITHOUT: readonly { readonly operation: string; readonly reason: string; readonly instead?: string }[] = [
  { operation: 'POST /api/v1/login', reason: 'makes a cookie for a browser; commands send the password' },
  { operation: 'POST /api/v1/logout', reason: 'ends the cookie of a browser' },
  { operation: 'GET /api/v1/openapi.json', reason: 'the description itself, for programs that are written with it' },
  { operation: 'POST /api/v1/upload', reason: 'the form of a page, for several files', instead: 'POST /api/v1/apply' },
  { operation: 'GET /api/v1/sessions', reason: 'ends at 10,000 rows; the command reads pages', instead: 'GET /api/v1/list/sessions' },
  { operation: 'GET /api/v1/network/doctor', reason: 'asked by net doctor without a host', instead: 'POST /api/v1/network/doctor' },
  { operation: 'GET /api/v1/network/rules', reason: 'net firewall makes them of the plan', instead: 'GET /api/v1/network/plan' },
  { operation: 'POST /api/v1/network/findings', reason: 'net doctor makes them of the evidence', instead: 'POST /api/v1/network/doctor' },
];

const vendor = createTestVendor(`
products:
  - id: 1
    name: Survey
    rehost: true
    features:
      - { id: 42, name: Echo sounder, license: { type: perpetual }, concurrency: { seats: 1, network: true }, detachable: true }
      - { id: 43, license: { type: perpetual }, concurrency: { seats: 9, network: true } }
`);

describe('the command line does what the admin API does (C4)', () => {
  const dir = mkdtempSync(join(tmpdir(), 'kh-cli-parity-'));
  const ports = new Map<string, number>();
  const proxies = new Map<string, Awaited<ReturnType<typeof recordingProxy>>>();
  let lms: Awaited<ReturnType<typeof startAdminLm>>[] = [];
  const applications = new Map<string, Licensing>();
  const plugs = createPorts();
  const relays: { close(): void }[] = [];
  const proxyOf = (name: string) => {
    const found = proxies.get(name);
    if (found === undefined) throw new Error(`no license manager ${name}`);
    return found;
  };
  const run = (line: readonly string[], at = 'office'): Promise<Outcome> => commandHere([...line, '--lm', `127.0.0.1:${proxyOf(at).port}`]);
  const login = async (feature: number, at = 'office') => applications.get(at)?.login({ vendorCode: vendor.vendorCode, feature });

  beforeAll(async () => {
    for (const name of ['office', 'boat']) {
      const port = await freeTcpPort();
      const overrides = { bind: ['127.0.0.1'], port, name };
      const file = join(dir, `${name}.ini`);
      writeFileSync(file, '[REMOTE]\nbroadcastsearch = 0\n[SERVER]\nenabledetach = 1\n');
      const office = ports.get('office');
      if (office !== undefined) relays.push(await relay({ host: OTHER_LOOPBACK, port }, office));
      // The boat uses what the office lends.
      const search = office === undefined ? { broadcast: false } : { broadcast: false, aggressive: true, addresses: [OTHER_LOOPBACK] };
      const settings = parseSettings('', { ...overrides, search, log: { access: true, local: true }, detach: { enabled: true } });
      lms.push(
        await startAdminLm({ settings, configuration: { file, overrides }, stateDirectory: join(dir, name), devices: plugs.source }),
      );
      ports.set(name, port);
      applications.set(name, createLicensing(lmAddressFrom(`127.0.0.1:${port}`), ownIdentity(), systemEntropy));
      proxies.set(name, await recordingProxy(port));
    }
    writeFileSync(join(dir, 'password.txt'), 'correct horse battery\n');
  });
  afterAll(async () => {
    for (const application of applications.values()) application.close();
    for (const proxy of proxies.values()) await proxy.close();
    for (const lm of lms) await lm.close();
    for (const each of relays) each.close();
    lms = [];
    rmSync(dir, { recursive: true, force: true });
  });

  it('knows each operation, by a command or by the reason why there is none', async () => {
    const paths = z.object({ paths: z.record(z.string(), z.record(z.string(), z.unknown())) });
    const description = paths.parse(await (await fetch(`http://127.0.0.1:${ports.get('office')}/api/v1/openapi.json`)).json());
    const operations = Object.entries(description.paths).flatMap(([path, of]) =>
      path.startsWith('/api/v1/') ? Object.keys(of).map((method) => `${method.toUpperCase()} ${path}`) : [],
    );
    const commanded = new Set([...COMMANDS, ...FOLLOWING].map(([operation]) => operation));
    const excused = new Set(WITHOUT.map(({ operation }) => operation));
    expect(operations.filter((each) => !commanded.has(each) && !excused.has(each))).toEqual([]);
    // What there is no longer is no longer named here either, and nothing is excused that a command reaches.
    expect([...commanded, ...excused].filter((each) => !operations.includes(each))).toEqual([]);
    expect([...excused].filter((each) => commanded.has(each))).toEqual([]);
    expect(WITHOUT.flatMap(({ instead }) => instead ?? []).filter((each) => !commanded.has(each))).toEqual([]);
  });

  /** Products of others, as the boat knows them. */
  const remote = async () => {
    const products = z.array(z.looseObject({ key: z.string(), local: z.boolean() }));
    return products.parse(JSON.parse((await run(['products', '--json'], 'boat')).stdout)).filter(({ local }) => !local);
  };

  it('asks for each of them by the command that is said to', async () => {
    const known: Record<string, string> = { dir, code: vendor.vendorCode, boatPort: String(ports.get('boat')) };
    const filled = (command: string): string[] =>
      command.split(' ').map((word) => word.replaceAll(/\{(\w+)\}/g, (_, name: string) => known[name] ?? `{${name}}`));
    /** What a line needs, and what it tells to later ones. */
    const before = async (command: string): Promise<void> => {
      if (command === 'apply {license}') {
        known['license'] = join(dir, FILE.license);
        writeFileSync(known['license'], vendor.issue(readFileSync(join(dir, FILE.first), 'latin1')));
      }
      if (command.startsWith('key blink')) {
        const { device, id } = createTestDevice(createDeviceVendor(), { light: true });
        plugs.plug(device);
        await expect.poll(async () => (await run(['keys', '--json'])).stdout).toContain(id);
        known['plugged'] = id;
      }
      if (command.startsWith('detach') && command.includes('--here')) {
        await expect.poll(remote, { timeout: 10_000 }).toMatchObject([{ key: known['key'] }]);
      }
      if (command.startsWith('search --in sessions')) {
        known['session'] = (await login(42))?.id ?? '';
        await login(43);
        await login(43);
      }
    };
    const after = (command: string, stdout: string): void => {
      if (command === 'keys --json')
        known['key'] =
          z
            .array(z.object({ key: z.string() }))
            .length(1)
            .parse(JSON.parse(stdout))[0]?.key ?? '';
      if (command.includes('--here')) known['lentHere'] = z.object({ key: z.string() }).parse(JSON.parse(stdout)).key;
      if (command.includes(FILE.lent) && command.startsWith('apply'))
        known['lentKey'] = z.object({ key: z.string() }).parse(JSON.parse(stdout)).key;
    };
    for (const [operation, command, at = 'office'] of COMMANDS) {
      await before(command);
      const { asked } = proxyOf(at);
      asked.length = 0;
      const line = filled(command);
      const { code, stdout, stderr } = await run(line, at);
      expect(code, `keyhaven ${line.join(' ')}\n${stdout}\n${stderr}`).toBe(0);
      expect(
        asked.map((each) => matching(each, operation)),
        `keyhaven ${command} asks for ${asked.join(', ')}`,
      ).toContain(operation);
      after(command, stdout);
    }
    expect(readFileSync(join(dir, 'report.txt'), 'utf8')).toContain('== status ==');
  });

  it('follows until Ctrl-C, and that is no failure', async () => {
    // What moved to the boat is not at the office any more.
    await expect.poll(remote, { timeout: 10_000 }).toEqual([]);
    for (const [operation, command] of FOLLOWING) {
      const { asked, port, awaited } = proxyOf('boat');
      asked.length = 0;
      const child = followingKeyhaven([...command.split(' '), '--lm', `127.0.0.1:${port}`]);
      await awaited((each) => matching(each, operation) === operation);
      const told = once(child.lines, 'line', { signal: AbortSignal.timeout(30_000) });
      await login(43, 'boat');
      expect(String(await told)).toMatch(/LOGIN\(.*feature=43/);
      expect(await child.end()).toMatchObject({ code: 0 });
    }
  });

  it('says the same where it works it out itself', async () => {
    const rules = await (await fetch(`http://127.0.0.1:${ports.get('boat')}/api/v1/network/rules?format=ufw`)).text();
    expect(await run(['net', 'firewall', '--format', 'ufw'], 'boat')).toMatchObject({ code: 0, stdout: rules });

    const host = `127.0.0.1:${ports.get('boat')}`;
    const findings = z.object({ findings: z.array(z.object({ host: z.string(), path: z.string(), verdict: z.string() })).min(1) });
    const answer = await fetch(`http://127.0.0.1:${ports.get('office')}/api/v1/network/findings`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ hosts: [host], broadcast: false }),
    });
    expect(findings.parse(JSON.parse((await run(['net', 'doctor', host, '--json'])).stdout))).toEqual(findings.parse(await answer.json()));
  });
});

/** The operation itself where what was asked for is of it. */
const matching = (asked: string, operation: string): string =>
  new RegExp(`^${operation.replaceAll('.', '\\.').replaceAll(/\{\w+\}/g, '[^/?]+')}$`).test(asked) ? operation : asked;
