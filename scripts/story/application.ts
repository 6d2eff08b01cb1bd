import { Buffer } from 'node:buffer';
import { once } from 'node:events';
import { setTimeout as pause } from 'node:timers/promises';
import { LicensingError, login, type Session, Status } from '@keyhaven/licensing-api';
import type { Report } from './report.ts';

// The protected application of the story: node application.ts VENDOR-CODE FEATURE [work]. Logs in; with `work` uses the key; holds its seat
// until SIGTERM and logs out. Where all seats are taken it says so once, and asks again until it gets one.

const REPEAT_MS = 10;
const MEMORY = 0xfff4;
const DATA = 'depth 42.7 m at 54.32 N 10.14 E';

const tell = (report: Report): void => {
  process.stdout.write(`${JSON.stringify(report)}\n`);
};
const since = (start: number): number => Math.round(performance.now() - start);

const [vendorCode = '', feature = '', work] = process.argv.slice(2);

const obtain = async (): Promise<Session> => {
  const options = { vendorCode, feature: Number(feature) };
  let start = performance.now();
  for (let attempt = 1; ; attempt += 1) {
    try {
      const session = await login(options);
      const { hostname, address } = session.licenseManager;
      tell({ kind: 'granted', session: session.id, key: session.key, feature: session.feature, hostname, address, took: since(start) });
      return session;
    } catch (error) {
      if (!(error instanceof LicensingError) || error.status !== Status.TOO_MANY_USERS) throw error;
      if (attempt === 1) {
        tell({ kind: 'refused', status: error.status, name: error.name, message: error.message });
        start = performance.now();
      }
      await pause(REPEAT_MS);
    }
  }
};

const use = async (session: Session): Promise<void> => {
  let start = performance.now();
  const sealed = await session.encrypt(Buffer.from(DATA));
  const opened = Buffer.from(await session.decrypt(sealed)).toString();
  const begins = Buffer.from(sealed.subarray(0, 8)).toString('hex');
  tell({ kind: 'encrypted', plain: DATA, begins, bytes: sealed.length, opened, took: since(start) });

  start = performance.now();
  await session.write({ file: MEMORY, offset: 0, data: Buffer.from(session.id.slice(0, 16), 'hex') });
  const read = Buffer.from(await session.read({ file: MEMORY, offset: 0, length: 8 })).toString('hex');
  tell({ kind: 'written', file: MEMORY, wrote: session.id.slice(0, 16), read, took: since(start) });
};

const stop = once(process, 'SIGTERM');
// Nothing else keeps the process alive while it only holds its seat.
const alive = setInterval(() => undefined, 60_000);
try {
  const session = await obtain();
  if (work === 'work') await use(session);
  await stop;
  const start = performance.now();
  await session.logout();
  tell({ kind: 'logged out', took: since(start) });
} catch (error) {
  process.stderr.write(`${error instanceof Error ? `${error.name}: ${error.message}` : String(error)}\n`);
  process.exitCode = 1;
} finally {
  clearInterval(alive);
}
