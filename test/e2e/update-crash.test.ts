import { Buffer } from 'node:buffer';
import { createLicensing } from '@keyhaven/licensing-api/licensing';
import { systemEntropy } from '@keyhaven/vendor-tools';
import { expect, it, onTestFinished } from 'vitest';
import { openCrashComputer } from './crash-lm.ts';

// kill -9 of the LM while it applies an update (K4): it leaves the old or the new state of all that the update changes: license, counter,
// secrets, memory and the sessions that it ends.

const ROUNDS = 8;
const HELD = 42;

/** The state after update N: features, memory and its contents all follow from N, and the network flag of the held feature changes each time. */
const sizeAt = (n: number): number => 150_000 + n * 4_100;
const contentsAt = (n: number): Buffer => Buffer.alloc(sizeAt(n), `${n},`);
const catalogAt = (n: number): string => `
products:
  - id: 1
    features:
      - { id: ${HELD}, license: { type: perpetual }, concurrency: { seats: 10, network: ${n % 2 === 0} } }
      - { id: ${100 + n}, license: { type: perpetual } }
    memory:
      dynamic:
        - { id: 7, size: ${sizeAt(n)}, access: ro, data: { base64: "${contentsAt(n).toString('base64')}" } }
        - { id: ${200 + n}, size: 10, access: rw }
`;

type Named = { readonly id: string };

it('kill -9 at any moment of an update leaves the old or the new state, never one between (K4)', async () => {
  const computer = await openCrashComputer(catalogAt(1));
  onTestFinished(() => computer.close());
  const { vendorCode } = computer.vendor;
  const licensing = createLicensing(
    computer.address,
    { pid: process.pid, start: 0, user: 'test', host: 'test', application: 'update-crash' },
    systemEntropy,
  );
  onTestFinished(() => licensing.close());
  const post = async (path: string, body: string, type: string): Promise<string> => {
    const response = await fetch(`http://127.0.0.1:${computer.address.port}${path}`, {
      method: 'POST',
      body,
      headers: { connection: 'close', 'content-type': type },
    });
    if (response.status !== 200) throw new Error(await response.text());
    return response.text();
  };
  const keyNow = async () =>
    ((await computer.get('/api/v1/keys')) as readonly { readonly key: string; readonly updateCounter: number }[])[0];

  let counter = 1;
  let delayMs = 20;
  const outcomes = { old: 0, new: 0 };
  for (let round = 1; round <= ROUNDS; round += 1) {
    const key = (await keyNow())?.key ?? '';
    const held = await licensing.login({ vendorCode, feature: HELD });
    const c2v = await post('/api/v1/c2v', JSON.stringify({ key }), 'application/json');
    const v2c = computer.vendor.issue(c2v, catalogAt(counter + 1));
    const answered = post('/api/v1/apply', v2c, 'text/plain').then(
      () => true,
      () => false,
    );
    await new Promise((resolve) => setTimeout(resolve, delayMs));
    await computer.end('SIGKILL');
    const acknowledged = await answered;
    await computer.start();

    const after = (await keyNow())?.updateCounter ?? -1;
    expect([counter, counter + 1], `round ${round}`).toContain(after);
    if (acknowledged) expect(after, 'what was acknowledged stays').toBe(counter + 1);
    const sessions = (await computer.get('/api/v1/sessions')) as readonly Named[];
    expect(
      sessions.some(({ id }) => id === held.id),
      `round ${round}: the session is there as long as the old license is`,
    ).toBe(after === counter);
    const features = ((await computer.get('/api/v1/features')) as readonly { readonly feature: number }[]).map(({ feature }) => feature);
    expect(features.filter((id) => id > 100)).toEqual([100 + after]);
    await using session = await licensing.login({ vendorCode, feature: 100 + after });
    expect(await session.size(7)).toBe(sizeAt(after));
    expect(Buffer.from(await session.read({ file: 7, offset: 0, length: sizeAt(after) })).equals(contentsAt(after))).toBe(true);
    expect(await session.size(200 + after)).toBe(10);
    await expect(session.size(200 + (after === counter ? counter + 1 : counter))).rejects.toMatchObject({ status: 10 });
    expect((await session.decrypt(await session.encrypt(Buffer.alloc(16)))).length).toBe(16);
    await held.logout().catch(() => undefined);

    outcomes[after === counter ? 'old' : 'new'] += 1;
    // Towards the moment at which it is written, from both sides.
    delayMs *= after === counter ? 1.5 : 0.6;
    if (after === counter) await post('/api/v1/apply', v2c, 'text/plain');
    counter += 1;
    expect((await keyNow())?.updateCounter).toBe(counter);
  }
  expect(Math.min(outcomes.old, outcomes.new), JSON.stringify(outcomes)).toBeGreaterThan(0);
}, 120_000);
