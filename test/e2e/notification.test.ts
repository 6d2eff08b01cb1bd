import { decodeDatagram } from '@keyhaven/core/discovery';
import { captureAvailable, labAvailable } from '@keyhaven/testkit/lab';
import { beforeEach, describe, expect, it } from 'vitest';
import { createSite, eventually, FEATURE, linkedTo, needsLab, type Site } from './site.ts';
import { expectWithin } from './time-limit.ts';
import { statusOf } from './told-application.ts';

const noLab = labAvailable();
const SECOND = 1_000;

describe('what one computer says at once, so that others need not wait for their next search (R6)', () => {
  let site: Site | undefined;
  const build = async (...parameters: Parameters<typeof createSite>): Promise<Site> => {
    site = await createSite(...parameters);
    return site;
  };
  beforeEach(needsLab(() => site, noLab));
  const closing = { [Symbol.asyncDispose]: async () => site?.close() };
  /** How long it took until the other computer knew. */
  const known = async (what: string, look: () => Promise<boolean>): Promise<number> => {
    const from = performance.now();
    await eventually(what, look);
    return performance.now() - from;
  };

  it('start, a key added, a license changed, stop and start again are known at the other computer within a second', async () => {
    await using _closing = closing;
    const { code, startLm, license, relicense } = await build({ hosts: ['office', 'yard'] });
    const yard = await startLm('yard');
    expect(await yard.peers()).toEqual([]);

    let office = await startLm('office');
    const state = async (): Promise<string | undefined> => (await yard.peers()).find(({ guid }) => guid === office.guid)?.state;
    await expectWithin(await known('the office has started', async () => (await state()) === 'linked'), SECOND);

    const key = await license(office);
    await expectWithin(await known('there is a key', async () => (await yard.keys()).some((each) => each.key === key)), SECOND);
    const application = await (site as Site).application('yard');
    expect(await statusOf(application.login({ vendorCode: code, feature: FEATURE.unlimited }))).toBe(0);

    expect((await yard.features()).map(({ feature }) => feature)).not.toContain(20);
    await relicense(office, key, [1, 2]);
    await expectWithin(
      await known('the license has changed', async () => (await yard.features()).some(({ feature }) => feature === 20)),
      SECOND,
    );
    expect(await yard.keys()).toMatchObject([{ key, updateCounter: 2 }]);
    const charts = { vendorCode: code, feature: 20 };
    const session = await application.login(charts);
    await relicense(office, key, [1]);
    await expectWithin(
      await known('the product is gone', async () => !(await yard.features()).some(({ feature }) => feature === 20)),
      SECOND,
    );
    expect(await statusOf(application.login(charts))).toBe(31);
    expect(await statusOf(session.read(0, 4))).not.toBe(0);
    await application.end();
    await eventually('the seat is given back', async () => (await office.sessions()).length === 0);

    await office.end('SIGTERM');
    expect(await office.process.exited).toEqual({ code: 0, signal: null });
    await expectWithin(await known('the office has stopped', async () => (await state()) !== 'linked'), SECOND);
    expect(await yard.keys()).toEqual([]);

    office = await office.again();
    await expectWithin(await known('the office is there again', async () => (await yard.keys()).some((each) => each.key === key)), SECOND);
    await office.end('SIGKILL');
    office = await office.again();
    await expectWithin(
      await known('the office is there again after a crash', async () => (await state()) === 'linked' && (await yard.keys()).length === 1),
      SECOND,
    );
  });

  it('an LM that starts with keys tells of them, so that a crowd asks it; one without does not (D16, D18)', async (context) => {
    const noCapture = captureAvailable();
    if (noCapture !== undefined) return context.skip(noCapture);
    await using _closing = closing;
    const { lab, startLm, license } = await build({ hosts: ['office', 'yard'] });
    let office = await startLm('office');
    const yard = await startLm('yard');
    await license(office);
    await linkedTo(yard, office);
    await Promise.all([office.end('SIGTERM'), yard.end('SIGTERM')]);

    const capture = await lab.capture();
    office = await office.again();
    await linkedTo(await yard.again(), office);
    const told = (await capture.stop()).flatMap((packet) => {
      const datagram = packet.protocol === 'udp' ? decodeDatagram(packet.payload) : undefined;
      return datagram?.kind === 'changed' ? [{ guid: datagram.guid, entries: datagram.entries.length }] : [];
    });
    expect(new Set(told.map(({ guid }) => guid))).toEqual(new Set([office.guid]));
    expect(new Set(told.map(({ entries }) => entries))).toEqual(new Set([0]));
  });

  it('an interface that comes while the LM runs finds the LM on that subnet', async () => {
    await using _closing = closing;
    const { code, startLm, license, host, application } = await build({ hosts: ['office', 'yard'], subnets: { office: [1], yard: [2] } });
    const [office, yard] = await Promise.all([startLm('office'), startLm('yard')]);
    const key = await license(office);
    const app = await application('yard');
    const asked = { vendorCode: code, feature: FEATURE.unlimited };
    expect(await statusOf(app.login(asked))).toBe(7);
    const added = await host('yard').addInterface(1);
    const peer = await linkedTo(yard, office);
    expect([`${office.host.address}:1947`, `${office.host.interfaces()[0]?.linkLocal}%${added.name}:1947`]).toContain(peer.address);
    expect((await yard.keys()).map((each) => each.key)).toEqual([key]);
    const session = await app.login(asked);
    expect((await session.read(0, 4)).length).toBe(4);
    await session.logout();
    await app.end();
  });
});
