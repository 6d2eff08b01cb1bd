import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { labAvailable } from '@keyhaven/testkit/lab';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createSite, eventually, FEATURE, type Lm, linkedTo, needsLab, type Site } from './site.ts';
import { Refused, startApplication, statusOf, type ToldApplication, type ToldSession } from './told-application.ts';

// Which process an application is, and which computer it is on, by what the system says and not by what the application does (12.5, 12.6). `office`
// has the key, `yard` another license manager; real processes on both.

const noLab = labAvailable();
/** Copies what comes at a port of its host to an address that the host reaches. */
const FORWARD = `
const { createServer, connect } = require('node:net');
const [, from, host, to] = process.argv;
createServer((near) => {
  const far = connect(Number(to), host);
  near.on('error', () => far.destroy()).on('close', () => far.destroy());
  far.on('error', () => near.destroy()).on('close', () => near.destroy());
  near.pipe(far).pipe(near);
}).listen(Number(from), '0.0.0.0', () => console.log('ready'));`;

describe('an application is the process that holds its connection', () => {
  let site: Site;
  let office: Lm;
  let yard: Lm;
  const started: ToldApplication[] = [];
  const start = async (host: string): Promise<ToldApplication> => {
    const application = await site.application(host);
    started.push(application);
    return application;
  };
  const granted: ToldSession[] = [];
  let containers = 0;
  const claiming = (application: ToldApplication, feature: number, claim = {}, port?: number): Promise<number> =>
    statusOf(application.loginAs(asking(feature), claim, port).then((session) => granted.push(session)));
  const asking = (feature: number) => ({ vendorCode: site.code, feature });
  const startOf = (pid: number): number => {
    const text = readFileSync(`/proc/${pid}/stat`, 'latin1');
    return Number(text.slice(text.lastIndexOf(')') + 2).split(' ')[19]);
  };

  beforeEach(needsLab(() => site));
  beforeAll(async () => {
    if (noLab !== undefined) return;
    site = await createSite({ hosts: ['office', 'yard'] });
    [office, yard] = await Promise.all([site.startLm('office'), site.startLm('yard')]);
    await site.license(office);
    await linkedTo(yard, office);
  });
  afterEach(async () => {
    // What is not seen to end keeps its seats for the three minutes of a lease.
    await Promise.all(granted.splice(0).map((session) => session.logout()));
    await Promise.all(started.splice(0).map((application) => application.end()));
    if (noLab === undefined) await eventually('nobody holds a seat any more', async () => (await office.sessions()).length === 0);
  });
  afterAll(async () => site?.close());

  it.each(['office', 'yard'])('on %s: several connections of one process share a seat (L3)', async (host) => {
    const application = await start(host);
    for (let connections = 1; connections <= 3; connections += 1) await application.loginAs(asking(FEATURE.perProcess));
    await application.login(asking(FEATURE.perProcess));
    expect(await office.used(FEATURE.perProcess)).toBe(1);
    expect(await office.sessions()).toHaveLength(4);
  });

  it.each(['office', 'yard'])('on %s: two processes that name the same process take two seats, and the third is refused', async (host) => {
    const [a, b, c] = await Promise.all([start(host), start(host), start(host)]);
    const claim = { pid: a.process.pid, start: startOf(a.process.pid) };
    await a.loginAs(asking(FEATURE.perProcess), claim);
    expect(await claiming(b, FEATURE.perProcess, claim)).toBe(0);
    expect(await office.used(FEATURE.perProcess)).toBe(2);
    expect(await claiming(c, FEATURE.perProcess, claim)).toBe(38);
  });

  it.each(['office', 'yard'])('on %s: two that call themselves process 1 of no time take two seats', async (host) => {
    const [a, b, c] = await Promise.all([start(host), start(host), start(host)]);
    const claim = { pid: 1, start: 0 };
    expect(await claiming(a, FEATURE.perProcess, claim)).toBe(0);
    expect(await claiming(b, FEATURE.perProcess, claim)).toBe(0);
    expect(await claiming(c, FEATURE.perProcess, claim)).toBe(38);
  });

  it('on office: a container is as many processes as run in it, though each calls itself process 1', async () => {
    const contained = async (): Promise<ToldApplication> => {
      const prefix = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc'];
      containers += 1;
      const application = await startApplication(
        site.host('office'),
        join(site.directory, `container-${containers}`),
        {},
        undefined,
        prefix,
      );
      started.push(application);
      return application;
    };
    const [a, b, c] = await Promise.all([contained(), contained(), contained()]);
    for (let connections = 1; connections <= 2; connections += 1) await a.loginAs(asking(FEATURE.perProcess));
    expect(await office.used(FEATURE.perProcess)).toBe(1);
    await b.login(asking(FEATURE.perProcess));
    expect(await office.used(FEATURE.perProcess)).toBe(2);
    expect(await statusOf(c.login(asking(FEATURE.perProcess)))).toBe(38);
    // It is on this computer, and its end is seen: its seat is free at once.
    expect(await statusOf(c.login(asking(FEATURE.localOnly)))).toBe(0);
    await a.end();
    await eventually('the seat of the container is free', async () => (await office.used(FEATURE.perProcess)) === 1);
  });

  describe('through a TCP forward from another computer', () => {
    const forward = async (host: string, from: number, to: string, port: number): Promise<void> => {
      const process = await site.host(host).spawn('node', ['-e', FORWARD, '--', String(from), to, String(port)]);
      await process.nextLine((line) => line === 'ready', 60_000);
    };
    /** As `ssh -L 2947:127.0.0.1:1947 office` on `yard`: the last step is made by a process on `office`. */
    beforeAll(async () => {
      if (noLab !== undefined) return;
      await forward('office', 2_947, '127.0.0.1', 1947);
      await forward('yard', 2_947, site.host('office').address, 2_947);
    });

    it('is refused what is for the computer with the key alone, and told why (12.5)', async () => {
      const [here, there] = await Promise.all([start('office'), start('yard')]);
      expect(await statusOf(here.login(asking(FEATURE.localOnly)))).toBe(0);
      const refused = await there.loginAs(asking(FEATURE.localOnly), {}, 2_947).catch((error: unknown) => error);
      expect(refused).toBeInstanceOf(Refused);
      expect(String(refused)).toMatch(/5: .*comes through another process, such as a TCP forward, so the application counts as remote/);
      expect(await office.used(FEATURE.localOnly)).toBe(1);
    });

    it('does not share the seat of the station that it comes through', async () => {
      const [here, there, third] = await Promise.all([start('office'), start('yard'), start('yard')]);
      await here.login(asking(FEATURE.perStation));
      expect(await claiming(there, FEATURE.perStation, {}, 2_947)).toBe(0);
      expect(await office.used(FEATURE.perStation)).toBe(2);
      const refused = await third.loginAs(asking(FEATURE.perStation), {}, 2_947).catch((error: unknown) => error);
      expect(String(refused)).toMatch(/38: .*does not share the seat of a station/);
    });

    it('may use what is for the network, one seat for each connection', async () => {
      const there = await start('yard');
      expect(await claiming(there, FEATURE.fiveSeats, {}, 2_947)).toBe(0);
      expect(await claiming(there, FEATURE.perProcess, {}, 2_947)).toBe(0);
      expect(await claiming(there, FEATURE.perProcess, {}, 2_947)).toBe(0);
      expect(await office.used(FEATURE.perProcess)).toBe(2);
    });

    it('names a process of the computer in vain: what holds the connection is the forward', async () => {
      const [here, there] = await Promise.all([start('office'), start('yard')]);
      const claim = { pid: here.process.pid, start: startOf(here.process.pid) };
      expect(await claiming(there, FEATURE.localOnly, claim, 2_947)).toBe(5);
      expect(await claiming(there, FEATURE.localOnly, { pid: 1, start: 0 }, 2_947)).toBe(5);
    });
  });
});
