import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { externalLmFile } from '@keyhaven/core/hosts';
import { captureAvailable, type Packet } from '@keyhaven/testkit/lab';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { cachedExternalLm } from '../../scripts/external/cached.ts';
import { PROXY, PROXY_PORT } from './http-proxy.ts';
import { placeFile } from './near-site.ts';
import { createSite, eventually, FEATURE, type Lm, linkedTo, needsLab, type Site } from './site.ts';
import { startApplication, type ToldApplication } from './told-application.ts';

// R2: keys of other computers for applications whose license manager is an External or Integrated one. `office` has no Admin LM, `desk` has one,
// `server` has the keys.

const noCapture = captureAvailable();
const PORT = 1947;
const PROGRAM = new URL('application.ts', import.meta.url).href;
const SECRET = Buffer.from('sixteen bytes or more of the application');

let site: Site | undefined;
let server: Lm;
let executable: string;
let folders = 0;

const here = (): Site => {
  if (site === undefined) throw new Error('no site');
  return site;
};

/** An application in a folder of its own, with these settings beside it. */
const applicationOf = async (host: string, kind: 'external' | 'integrated', ini?: string): Promise<ToldApplication> => {
  folders += 1;
  const folder = join(here().directory, `application-${folders}`);
  await mkdir(folder);
  await writeFile(join(folder, 'application.mjs'), `import { serve } from ${JSON.stringify(PROGRAM)};\nserve(process.argv[2]);\n`);
  if (kind === 'external') placeFile(executable, join(folder, externalLmFile(process.platform)));
  if (ini !== undefined) await writeFile(join(folder, 'keyhaven_37515.ini'), ini);
  const env = {
    KEYHAVEN_STATE: join(folder, 'state'),
    XDG_CONFIG_HOME: join(folder, 'config'),
    APPLICATION_CALL_TIMEOUT_MS: '60000',
  };
  return startApplication(here().host(host), join(folder, 'socket'), env, join(folder, 'application.mjs'));
};

const from = (packets: readonly Packet[], host: string): readonly Packet[] => {
  const own = new Set(
    here()
      .host(host)
      .interfaces()
      .flatMap(({ address, address6, linkLocal }) => [address, address6, linkLocal]),
  );
  return packets.filter(({ source }) => own.has(source.address));
};
const udpOf = (packets: readonly Packet[]) => packets.filter(({ protocol }) => protocol === 'udp');
const connections = (packets: readonly Packet[]) => [
  ...new Set(
    packets.flatMap((packet) =>
      packet.protocol === 'tcp' && packet.syn ? [`${packet.destination.address}:${packet.destination.port}`] : [],
    ),
  ),
];
/** Ports at which anything listens on that host, UDP or TCP, in hexadecimal. */
const listening = async (host: string): Promise<readonly string[]> => {
  const { stdout } = await here()
    .host(host)
    .run('sh', ['-c', 'cat /proc/net/udp /proc/net/udp6; grep " 0A " /proc/net/tcp /proc/net/tcp6 || true']);
  return [...stdout.matchAll(/\b[0-9A-F]{8,32}:([0-9A-F]{4}) [0-9A-F]{8,32}:0000 /g)].flatMap(([, port]) =>
    port === undefined ? [] : [port],
  );
};

beforeAll(async () => {
  if (noCapture !== undefined) return;
  executable = await cachedExternalLm();
  site = await createSite({ hosts: ['server', 'office', 'desk'] });
  server = await site.startLm('server');
  await site.license(server);
});
afterAll(() => site?.close());
beforeEach(needsLab(() => site, noCapture));

describe.each(['integrated', 'external'] as const)(
  'R2: an application with an LM of its own (%s) and no Admin LM on its computer',
  (kind) => {
    const use = async (application: ToldApplication): Promise<void> => {
      const session = await application.login({ vendorCode: here().code, feature: FEATURE.fiveSeats, lm: kind });
      expect(session.licenseManager.guid).toBe(server.guid);
      expect(await session.decrypt(await session.encrypt(SECRET))).toEqual(SECRET);
      expect(await server.used(FEATURE.fiveSeats)).toBe(1);
      await session.logout();
      await eventually('the seat is back', async () => (await server.used(FEATURE.fiveSeats)) === 0);
    };

    it('reaches a single address by TCP, and sends no datagram', async () => {
      const capture = await here().lab.capture();
      const application = await applicationOf('office', kind, `[REMOTE]\r\nserveraddr = ${here().host('server').address}\r\n`);
      await use(application);
      expect(await listening('office')).not.toContain(PORT.toString(16).toUpperCase().padStart(4, '0'));
      await application.end();
      const sent = from(await capture.stop(), 'office');
      expect(udpOf(sent)).toEqual([]);
      expect(connections(sent)).toEqual([`${here().host('server').address}:${PORT}`]);
    });

    it('asks a broadcast address by one datagram of 40 bytes, from a port that is not 1947', async () => {
      const capture = await here().lab.capture();
      const { broadcast, address } = here().host('server');
      const application = await applicationOf('office', kind, `serveraddr = ${broadcast}\n`);
      await use(application);
      await application.end();
      const packets = await capture.stop();
      const sent = udpOf(from(packets, 'office'));
      expect(sent.map(({ destination, payload, cast }) => [destination, payload.length, cast])).toEqual([
        [{ address: broadcast, port: PORT }, 40, 'broadcast'],
      ]);
      const asked = sent[0]?.source.port ?? 0;
      expect(asked).not.toBe(PORT);
      const answers = udpOf(from(packets, 'server')).filter(({ destination }) => destination.port === asked);
      expect(answers.map(({ source, payload }) => [source, payload.length])).toEqual([[{ address, port: PORT }, 40]]);
      expect(connections(from(packets, 'office'))).toEqual([`${address}:${PORT}`]);
    });

    it('searches nobody when nothing is set: no packet leaves, and the login is refused', async () => {
      const capture = await here().lab.capture();
      const application = await applicationOf('office', kind);
      await expect(application.login({ vendorCode: here().code, feature: FEATURE.fiveSeats, lm: kind })).rejects.toMatchObject({
        status: 7,
      });
      await application.end();
      const sent = from(await capture.stop(), 'office').filter(({ protocol }) => protocol !== 'other');
      expect(sent).toEqual([]);
    });

    it('says what is wrong with its settings, with the line', async () => {
      const application = await applicationOf('office', kind, '[REMOTE]\nserveradr = x\nbroadcastsearch = 2\n');
      await expect(application.login({ vendorCode: here().code, feature: FEATURE.fiveSeats, lm: kind })).rejects.toMatchObject({
        status: 501,
        message: expect.stringMatching(/line 2: .*serveradr is unknown.*line 3: .*broadcastsearch/),
      });
      await application.end();
    });

    it('reaches it through the proxy of its settings and nothing else, and keeps the logs that they switch on', async () => {
      const proxy = await here().host('desk').spawn(process.execPath, ['-e', PROXY]);
      await proxy.nextLine((line) => line === 'ready');
      const capture = await here().lab.capture();
      const settings = ['[SERVER]', 'proxyconnect = 2', `proxyhost = ${here().host('desk').address}`, 'requestlog = 1', 'errorlog = 1'];
      const absent = 'serveraddr = nowhere.invalid';
      const ini = [...settings, '[REMOTE]', `serveraddr = ${here().host('server').address}`, absent, ''].join('\n');
      const application = await applicationOf('office', kind, ini);
      await use(application);
      const sent = connections(from(await capture.stop(), 'office'));
      expect(sent).toEqual([`${here().host('desk').address}:${PROXY_PORT}`]);
      const store = join(here().directory, `application-${folders}`);
      const log = async (name: string): Promise<string> => {
        const found = (await readdir(store, { recursive: true })).find((each) => each.endsWith(`logs/${name}.log`));
        return found === undefined ? '' : readFile(join(store, found), 'utf8');
      };
      const remote = `LOGIN\\(key=\\d+, session=\\w+, licenseManager=${server.guid}\\) result\\(0\\)\n[^\n]*LOGOUT\\(key=remote`;
      await eventually('the request log has the session', async () => new RegExp(remote).test(await log('access')));
      await eventually('the error log has the name without an address', async () => (await log('error')).includes('nowhere.invalid'));
      await application.end();
      proxy.kill('SIGKILL');
      await proxy.exited;
    });

    it('goes on with its session after a cut that is shorter than the lease (R8)', async () => {
      const application = await applicationOf('office', kind, `serveraddr = ${here().host('server').address}\n`);
      const session = await application.login({ vendorCode: here().code, feature: FEATURE.oneSeat, lm: kind });
      const before = await session.encrypt(SECRET);
      await here().lab.partition(['office']);
      await new Promise((done) => setTimeout(done, 1_000));
      await here().lab.partition();
      expect(await eventually('it decrypts again', () => session.decrypt(before), 20_000)).toEqual(SECRET);
      expect(await server.used(FEATURE.oneSeat)).toBe(1);
      await session.logout();
      await eventually('the seat is back', async () => (await server.used(FEATURE.oneSeat)) === 0);
      await application.end();
    });
  },
);

describe('the end of the application', () => {
  it('by SIGKILL gives back at once what an External LM held elsewhere (T3, R8)', async () => {
    const application = await applicationOf('office', 'external', `serveraddr = ${here().host('server').address}\n`);
    await application.login({ vendorCode: here().code, feature: FEATURE.oneSeat, lm: 'external' });
    expect(await server.used(FEATURE.oneSeat)).toBe(1);
    await application.end('SIGKILL');
    await eventually('the seat is back', async () => (await server.used(FEATURE.oneSeat)) === 0);
  });
});

describe('where an Admin LM runs on the computer', () => {
  let desk: Lm;
  beforeAll(async () => {
    if (noCapture !== undefined) return;
    desk = await here().startLm('desk', '[page]\npasswordForAll = true\n');
    await linkedTo(desk, server);
  });

  it.each(['integrated', 'external'] as const)('its peers are used without a search of its own (%s)', async (kind) => {
    const capture = await here().lab.capture();
    const application = await applicationOf('desk', kind);
    const session = await application.login({ vendorCode: here().code, feature: FEATURE.fiveSeats, lm: kind });
    expect(session.licenseManager.guid).toBe(server.guid);
    expect(await session.decrypt(await session.encrypt(SECRET))).toEqual(SECRET);
    const [held] = await server.sessions();
    expect(held?.holder, 'its own, not that of the Admin LM').not.toBe(desk.guid);
    await session.logout();
    await application.end();
    // From port 1947 the Admin LM speaks, which answers whoever asks it meanwhile.
    const sent = udpOf(from(await capture.stop(), 'desk'));
    expect(sent.filter(({ source }) => source.port !== PORT)).toEqual([]);
  });

  it('keeps its list of others from other programs where its administration needs a password for everything', async () => {
    const put = `fetch('http://127.0.0.1:1947/api/v1/password', { method: 'PUT', headers: { 'content-type': 'application/json' }, body: '{"password":"long enough"}' }).then((r) => console.log(r.status))`;
    expect((await here().host('desk').run(process.execPath, ['-e', put])).stdout.trim()).toBe('200');
  });
  it.each(['integrated', 'external'] as const)(
    'so they are where its administration needs a password for everything (%s)',
    async (kind) => {
      const peers = `fetch('http://127.0.0.1:1947/api/v1/peers').then((r) => console.log(r.status))`;
      expect((await here().host('desk').run(process.execPath, ['-e', peers])).stdout.trim()).toBe('401');
      const application = await applicationOf('desk', kind);
      const session = await application.login({ vendorCode: here().code, feature: FEATURE.fiveSeats, lm: kind });
      expect(session.licenseManager.guid).toBe(server.guid);
      await session.logout();
      await application.end();
    },
  );
});
