import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { LINK_VERSIONS } from '@keyhaven/core/link';
import { createTestVendor } from '@keyhaven/testkit/local-lm';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { freePort, keyhaven, type LoneLm, startLoneLm } from './lone-lm.ts';
import { eventually } from './site.ts';

// T6 on real processes: an application and a license manager, or two license managers, that have no version in common. Whoever is turned away
// hears 42 or 11, and which side to upgrade.

const catalog = 'products: [{ id: 1, features: [{ id: 42, license: { type: perpetual }, concurrency: { network: true } }] }]';
const vendor = createTestVendor(catalog);

/** A hello as any language would write it (docs/protocol/local.md W12): mark, versions, process, three texts. */
const helloOf = (from: number, to: number): Buffer => {
  const text = (value: string): Buffer => Buffer.concat([Buffer.of(0, value.length), Buffer.from(value)]);
  const body = Buffer.concat([Buffer.from([0x4b, 0x48, from, to]), Buffer.alloc(12), text('ann'), text('pc'), text('old')]);
  const frame = Buffer.alloc(5);
  frame.writeUInt32BE(body.length + 1, 0);
  frame[4] = 1;
  return Buffer.concat([frame, body]);
};
/** What comes back until the connection is closed: the status and the text of a *refused* (W20). */
const refusedWith = async (
  port: number,
  bytes: Buffer,
): Promise<{ readonly type: number; readonly status: number; readonly detail: string }> => {
  const socket = connect(port, '127.0.0.1');
  const parts: Buffer[] = [];
  socket.on('data', (part: Buffer) => parts.push(part));
  socket.write(bytes);
  await once(socket, 'close');
  const all = Buffer.concat(parts);
  return { type: all[4] ?? 0, status: all.readUInt16BE(5), detail: all.subarray(9).toString('utf8') };
};

describe('an application and a license manager without a common version', () => {
  let directory = '';
  let port = 0;
  let newer: ChildProcess;
  let lm: LoneLm | undefined;
  const own = (): LoneLm => {
    if (lm === undefined) throw new Error('the license manager did not start');
    return lm;
  };

  beforeAll(async () => {
    directory = await mkdtemp(join(tmpdir(), 'kh-versions-'));
    port = await freePort();
    newer = spawn(process.execPath, [join(import.meta.dirname, 'newer-lm.ts'), '127.0.0.2', String(port)], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    if (newer.stdout === null) throw new Error('no standard output');
    await once(createInterface({ input: newer.stdout }), 'line');
    const config = join(directory, 'lm.toml');
    await writeFile(config, '[search]\nbroadcast = false\naddresses = ["127.0.0.2"]\n');
    lm = await startLoneLm(join(directory, 'state'), ['--config', config, '--log', 'debug'], { port });
  });
  afterAll(async () => {
    await lm?.end();
    const gone = once(newer, 'close');
    newer.kill('SIGKILL');
    await gone;
    await rm(directory, { recursive: true, force: true });
  });

  it('an application of a later release is told 42: upgrade the license manager', async () => {
    const told = await refusedWith(port, helloOf(3, 4));
    expect(told).toMatchObject({ type: 10, status: 42 });
    expect(told.detail).toMatch(/versions 3 to 4 .* versions 1 to 2: upgrade the license manager of this computer\.$/);
  });

  it('an application of an earlier release is told 11: upgrade the application', async () => {
    const told = await refusedWith(port, helloOf(0, 0));
    expect(told).toMatchObject({ type: 10, status: 11 });
    expect(told.detail).toMatch(/upgrade the Licensing API of the application\.$/);
  });

  it('an application of today is told 11 by a license manager of a later release, in the words of that one', async () => {
    const env = { KEYHAVEN_LOCAL_LM: `127.0.0.2:${port}` };
    const login = await keyhaven(['login', '--vendor-code', vendor.vendorCode, '--feature', '42'], { env });
    expect(login.code).not.toBe(0);
    expect(login.stderr).toMatch(
      /error 11 OLD_DRIVER: .* versions 1 to 2 .* versions 3 to 4: upgrade the Licensing API of the application\./,
    );
  });

  it('a license manager of today finds one of a later release, says so in its log, and to whoever searches in vain', async () => {
    await eventually('the log names the license manager that cannot be spoken to', async () =>
      own().log.includes('no common version with another license manager'),
    );
    const login = await own().login(vendor.vendorCode, 42);
    expect(login).toMatchObject({ status: 7 });
    expect(login.message).toMatch(
      /127\.0\.0\.2:\d+: .* calls speaks versions? [\d to]+ and the license manager of newer versions [\d to]+: upgrade the license manager that calls\./,
    );
  });

  it('a license manager of another release that calls one of today is refused with 42 or 11 (link.md K5)', async () => {
    const call = async (from: number, to: number): Promise<string> => {
      const hello = Buffer.concat([Buffer.of(from, to), Buffer.alloc(96), Buffer.of(0, 0)]);
      const response = await fetch(`http://127.0.0.1:${port}/lm/v1/hello`, {
        method: 'POST',
        headers: { 'content-type': 'text/plain' },
        body: hello.toString('base64url'),
      });
      return `${response.status} ${await response.text()}`;
    };
    expect(await call(LINK_VERSIONS.to + 1, LINK_VERSIONS.to + 2)).toMatch(/^400 42 .*: upgrade the license manager of .+\.$/);
    expect(await call(0, 0)).toMatch(/^400 11 .*: upgrade the license manager that calls\.$/);
  });
});
