import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { labAvailable } from '@keyhaven/testkit/lab';
import { readMetrics } from '@keyhaven/testkit/metrics';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createSite, eventually, FEATURE, type Lm, linkedTo, needsLab, type Site } from './site.ts';
import { statusOf } from './told-application.ts';

// What an Admin LM writes down (C5): logs, audit, use, metrics, as administrators ask for them.

const CONFIG = `
[log]
access = true
local = true
remote = true
admin = true
errors = true
`;
const FETCH = `
fetch(process.argv[1], { headers: { accept: process.argv[2] } }).then(async (answer) => console.log(JSON.stringify([answer.status, answer.headers.get('content-type'), await answer.text()])));`;

describe('what an Admin LM writes down (C5)', () => {
  let site: Site;
  let office: Lm;
  let key = '';
  const noLab = labAvailable();
  beforeEach(needsLab(() => site));
  beforeAll(async () => {
    if (noLab !== undefined) return;
    site = await createSite({ hosts: ['office', 'yard'] });
    const [first, yard] = await Promise.all([site.startLm('office', CONFIG), site.startLm('yard')]);
    office = first;
    key = await site.license(office);
    await linkedTo(yard, office);
    // One seat is taken from the other computer, and refused to another application there.
    const [one, two] = await Promise.all([site.application('yard'), site.application('yard')]);
    const session = await one.login({ vendorCode: site.code, feature: FEATURE.oneSeat });
    expect(await statusOf(two.login({ vendorCode: site.code, feature: FEATURE.oneSeat }))).toBe(38);
    await session.logout();
    await one.end();
    await two.end();
  });
  afterAll(async () => site?.close());

  const get = async (host: string, url: string, accept = '*/*'): Promise<readonly [number, string, string]> => {
    const { stdout } = await site.host(host).run('node', ['-e', FETCH, url, accept]);
    return JSON.parse(stdout) as [number, string, string];
  };

  it('is in the access log, a line for each request and login', async () => {
    const line = await eventually('the refusal is in the access log', async () => {
      const text = await readFile(join(site.directory, 'state-office', 'logs', 'access.log'), 'utf8');
      return text.split('\n').find((each) => each.includes('result(38)'));
    });
    // By the address of either family: whichever the two computers found each other by.
    const address = site.host('yard').address.replaceAll('.', '\\.');
    expect(line).toMatch(
      new RegExp(
        `^\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d:\\d\\d (?:${address}|fe80::[0-9a-f:]+%\\w+):0 \\S+@\\S+ - - LOGIN\\(key=${key}, .*feature=11.*\\) result\\(38\\)$`,
      ),
    );
    const [status, , text] = await get('office', 'http://127.0.0.1:1947/api/v1/log/access?lines=5000');
    expect(status).toBe(200);
    const { lines } = JSON.parse(text) as { readonly lines: readonly string[] };
    expect(lines).toContain(line);
    expect(lines.some((each) => each.includes('POST /lm/v1/exchange EXCHANGE() result(200)'))).toBe(true);
  });

  it('is in the audit, which fits together, and is there after a kill -9', async () => {
    const audit = await site.keyhaven('office', 'audit', '--kind', 'refused', '--json');
    const [record] = JSON.parse(audit.stdout) as { readonly hash: string; readonly scope: string; readonly detail: object }[];
    expect(record).toMatchObject({ scope: key, detail: { status: 38, feature: 11 }, hash: expect.stringMatching(/^[0-9a-f]{64}$/) });
    const verified = await site.keyhaven('office', 'audit', 'verify');
    expect([verified.code, verified.stderr]).toEqual([0, '']);
    expect(verified.stdout).toMatch(/^All \d+ records fit: 1 to \d+\.\nThe last hash is [0-9a-f]{64}\.\n$/);
    const shown = await site.keyhaven('office', 'audit', '--limit', '3');
    expect(shown.stdout.split('\n')[0]).toMatch(/^NUMBER +AT +KIND +KEY +DETAIL$/);
    // The history of use is written once a minute, or when it is asked for.
    const before = await site.keyhaven('office', 'report', 'usage', '--json');
    await office.end('SIGKILL');
    office = await office.again();
    expect((await site.keyhaven('office', 'audit', 'verify')).code).toBe(0);
    const after = await site.keyhaven('office', 'report', 'usage', '--json');
    const itemsIn = (text: string) =>
      (JSON.parse(text) as { readonly items: readonly { readonly feature: number; readonly hours: number }[] }).items;
    const grantsIn = (text: string) => itemsIn(text).map((item) => ({ ...item, hours: 0 }));
    expect(grantsIn(after.stdout)).toEqual(grantsIn(before.stdout));
    expect(itemsIn(after.stdout)).toEqual([
      expect.objectContaining({ key, product: 1, feature: FEATURE.oneSeat, grants: 1, denials: 1, denialsByCause: { '38': 1 } }),
    ]);
  });

  it('is in reports of use, for people and for spreadsheets', async () => {
    const shown = await site.keyhaven('office', 'report', 'usage', '--by', 'host');
    expect(shown.stdout).toMatch(/\nHOST +HOURS +GRANTS +DENIALS\n\S+ +0\.00 +1 +1\n$/);
    const csv = await site.keyhaven('office', 'report', 'usage', '--csv');
    expect(csv.stdout.split('\r\n')[1]).toMatch(new RegExp(`^${key},1,11,,,,[\\d.]+,1,1,38:1,1,0,0,0,0$`));
    const wrong = await site.keyhaven('office', 'report', 'usage', '--from', '2026-02-30');
    expect([wrong.code, wrong.stderr.slice(0, 9)]).toEqual([1, 'error 501']);
  });

  it('is in the metrics for this computer, and not for another one (S19)', async () => {
    const [status, type, text] = await get('office', 'http://127.0.0.1:1947/metrics');
    expect([status, type]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8']);
    expect(text).toContain(`keyhaven_seats_limit{key="${key}",product="1",feature="11"} 1\n`);
    expect(text).toContain('keyhaven_ledger_writable 1\n');
    expect(readMetrics(text, 'prometheus').size).toBeGreaterThan(15);
    expect(text).toMatch(/keyhaven_ledger_commit_seconds_count [1-9]/);
    const open = await get('office', 'http://127.0.0.1:1947/metrics', 'application/openmetrics-text; version=1.0.0');
    expect(open[1]).toBe('application/openmetrics-text; version=1.0.0; charset=utf-8');
    expect(readMetrics(open[2], 'openmetrics').get('keyhaven_denials')?.type).toBe('counter');
    const there = `http://${office.host.address}:1947`;
    const refused = await get('yard', `${there}/metrics`);
    expect(refused[0]).toBe(403);
    expect(refused[2]).not.toContain(key);
    expect((await get('yard', `${there}/readyz`)).slice(0, 1)).toEqual([200]);
  });

  it('that somebody has edited is found out', async () => {
    await office.end('SIGTERM');
    const database = new DatabaseSync(join(site.directory, 'state-office', 'ledger.db'));
    const found = database.prepare("SELECT first FROM audit WHERE entries LIKE '%refused%' ORDER BY first").get();
    database.exec("UPDATE audit SET entries = replace(entries, '\"feature\":11', '\"feature\":12') WHERE entries LIKE '%refused%'");
    database.close();
    office = await office.again();
    const verified = await site.keyhaven('office', 'audit', 'verify');
    expect(verified.code).toBe(1);
    const [, sequence] =
      /^error 47 STORAGE_CORRUPT: .*Record (\d+) of the audit is the first that does not fit/.exec(verified.stderr) ?? [];
    expect(Number(sequence)).toBeGreaterThanOrEqual(Number(found?.['first']));
  });
});
