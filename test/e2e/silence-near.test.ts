import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { setTimeout as pause } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { cachedExternalLm } from '../../scripts/external/cached.ts';
import { type NearSite, openNearSite, until } from './near-site.ts';
import { expectWithin } from './time-limit.ts';

// A6 for the license managers of an application's own, with a program as a user writes it: plain JavaScript, and the package. The External LM is stopped by
// a signal; the thread of the Integrated LM by the debugger of Node.js, in the middle of whatever it does. It is a pause: every call ends with 33 in its time,
// and when it is over the same session works and no seat is lost. The Admin LM: silence.test.ts.

const SHORT = 2_000;
const SEATS = 3;
/** Calls that are given up while the program logs in and out. */
const STOPS = 6;
const CALLS = ['encrypt', 'read', 'write', 'size', 'clock', 'info', 'info as XML', 'ask'];
const program = (vendorCode: string, lm: string): string => `
import { Session as Inspector } from 'node:inspector';
import { createInterface } from 'node:readline';
import { configure, getInfo, login } from '@keyhaven/licensing-api';

const vendorCode = '${vendorCode}';
const again = () => login({ vendorCode, feature: 12, lm: '${lm}' });
configure({ vendorCode, callTimeoutMs: 60_000 });
const session = await again();
const other = await again();
const leaving = [{ logout: () => other.logout() }];
const events = [];
for (const name of ['lost', 'restored']) session.on(name, () => events.push(name));
const secret = Buffer.from('sixteen bytes it');
const calls = {
  encrypt: () => session.encrypt(secret),
  read: () => session.read({ file: 0xfff4, offset: 0, length: 4 }),
  write: () => session.write({ file: 0xfff4, offset: 0, data: secret }),
  size: () => session.size(0xfff4),
  clock: () => session.clock(),
  info: () => session.info(),
  'info as XML': () => session.info('sessioninfo'),
  ask: () => getInfo({ vendorCode, lm: '${lm}' }),
};
const result = (call) => call().then(() => 0, (error) => error.status ?? String(error));

const debug = async () => {
  const inspector = new Inspector();
  inspector.connect();
  const attached = new Promise((found) => inspector.once('NodeWorker.attachedToWorker', ({ params }) => found(params.sessionId)));
  inspector.post('NodeWorker.enable', { waitForDebuggerOnStart: false });
  const sessionId = await attached;
  let id = 0;
  return (method) => inspector.post('NodeWorker.sendMessageToWorker', { sessionId, message: JSON.stringify({ id: ++id, method }) });
};
let thread;
const orders = {
  // Each beside the others, and each with the time that it took.
  async silent() {
    configure({ vendorCode, callTimeoutMs: ${SHORT} });
    const began = performance.now();
    const timed = async ([name, call]) => [name, await result(call), performance.now() - began];
    return Promise.all(Object.entries({ ...calls, login: again, ...leaving.splice(0).pop() }).map(timed));
  },
  async works() {
    configure({ vendorCode, callTimeoutMs: 60_000 });
    const found = {};
    for (const [name, call] of Object.entries(calls)) found[name] = await result(call);
    return { found, events };
  },
  async fill() {
    const all = [];
    while (all.length < ${SEATS} - 1) all.push(await again());
    const full = await result(again);
    for (const each of all) await each.logout();
    return full;
  },
  // Logins and logouts beside each other, until so many of them were given up.
  async churn() {
    const seen = new Set();
    let silent = 0;
    const one = async () => {
      while (silent < ${STOPS}) {
        const status = await again().then((each) => result(() => each.logout()), (error) => error.status);
        seen.add(status);
        if (status === 33) silent += 1;
      }
    };
    configure({ vendorCode, callTimeoutMs: ${SHORT} });
    await Promise.all([one(), one()]);
    return [...seen];
  },
  async stop() {
    thread = await debug();
    thread('Debugger.enable');
    thread('Debugger.pause');
  },
  'go on': async () => thread('Debugger.resume'),
  end: () => session.logout(),
};
createInterface({ input: process.stdin }).on('line', async (order) => {
  const value = await orders[order]();
  console.log(JSON.stringify(value ?? null));
});
console.log('"ready"');
`;

let site: NearSite;
beforeAll(async () => {
  site = await openNearSite(await cachedExternalLm());
});
afterAll(() => site.close());

type Told = { readonly child: ChildProcess; next(): Promise<unknown>; tell(order: string): Promise<unknown> };
const start = async (folder: string, lm: string): Promise<Told> => {
  const packages = join(folder, 'node_modules');
  if (!existsSync(packages)) symlinkSync(join(import.meta.dirname, '../../node_modules'), packages);
  const file = join(folder, 'program.mjs');
  writeFileSync(file, program(site.vendor.vendorCode, lm));
  const child = spawn(process.execPath, [file], { env: site.env, stdio: ['pipe', 'pipe', 'inherit'] });
  const ended = once(child, 'exit');
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
    await until('its External LM is gone', () => site.externals().length === 0);
  });
  const lines = createInterface({ input: child.stdout })[Symbol.asyncIterator]();
  const next = async (): Promise<unknown> => {
    const { value, done } = await lines.next();
    if (done === true) throw new Error('the program has ended');
    return JSON.parse(value);
  };
  return {
    child,
    next,
    tell(order) {
      child.stdin.write(`${order}\n`);
      return next();
    },
  };
};
/** The License Manager of that application: how it is stopped, and goes on. */
type Pause = { stop(): Promise<void>; goOn(): Promise<void> };
const external = ({ child }: Told): Pause => {
  const [pid, ...more] = site.externalsOf({ pid: child.pid ?? 0 });
  if (pid === undefined || more.length > 0) throw new Error('it has not one External LM');
  const signal = async (name: 'SIGSTOP' | 'SIGCONT'): Promise<void> => {
    // It is the same process all the time.
    expect(site.externals()).toEqual([pid]);
    process.kill(pid, name);
  };
  return { stop: () => signal('SIGSTOP'), goOn: () => signal('SIGCONT') };
};
const integrated = ({ tell }: Told): Pause => ({
  stop: async () => void (await tell('stop')),
  goOn: async () => void (await tell('go on')),
});

describe.each([
  ['an External LM that is stopped', 'external', external, () => site.folder],
  ['an Integrated LM whose thread hangs', 'integrated', integrated, () => site.makeFolder('bare')],
] as const)('%s (A6)', (_name, lm, pauseOf, folder) => {
  it('lets every call end with 33 in its time; when it goes on, the same session works and no seat is lost', async () => {
    const application = await start(folder(), lm);
    expect(await application.next()).toBe('ready');
    expect(site.sessions()).toHaveLength(2);
    const pause = pauseOf(application);
    for (let times = 0; times < 2; times += 1) {
      await pause.stop();
      const silent = (await application.tell('silent')) as [string, number, number][];
      expect(Object.fromEntries(silent.map(([name, status]) => [name, status]))).toEqual(
        Object.fromEntries([...CALLS, 'login', ...(times === 0 ? ['logout'] : [])].map((name) => [name, 33])),
      );
      for (const [name, , ms] of silent) {
        expect([name, ms]).toEqual([name, expect.toSatisfy((took: number) => took > SHORT * 0.9)]);
        await expectWithin(ms, 2 * SHORT, name);
      }
      await pause.goOn();
      expect(await application.tell('works')).toEqual({ found: Object.fromEntries(CALLS.map((name) => [name, 0])), events: [] });
      // The logout was carried out, and what the login was given went back.
      await until('the first session is the only one', () => site.sessions().length === 1);
      expect(await application.tell('fill')).toBe(38);
    }
    await application.tell('end');
    expect(site.sessions()).toEqual([]);
  });
});

it('an External LM that is stopped in the middle of logins and logouts loses no seat', async () => {
  const application = await start(site.folder, 'external');
  expect(await application.next()).toBe('ready');
  const { stop, goOn } = external(application);
  const churned = application.tell('churn');
  const over = churned.then(() => true);
  do {
    await pause(20 + Math.random() * 60);
    await stop();
    await pause(SHORT * 1.5);
    await goOn();
  } while (!(await Promise.race([over, pause(100, false)])));
  // 38: what a login that was given up is granted late goes back a moment later.
  for (const status of (await churned) as number[]) expect([0, 33, 38]).toContain(status);
  await until('only the two sessions are open', () => site.sessions().length === 2);
});
