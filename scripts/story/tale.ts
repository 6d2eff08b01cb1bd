import { isIPv6 } from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { type Computer, type Computers, type RunningProgram } from './computers.ts';
import { keyhaven, startLm } from './license-manager.ts';
import { type Granted, parseReport, type Report } from './report.ts';
import type { Teller } from './teller.ts';
import { createDemoVendor, FEATURE, SEATS } from './vendor.ts';

// The main job, told step by step: a license is issued, installed on one computer, found by another, used there by applications.

const APPLICATION = join(import.meta.dirname, 'application.ts');
const FIND_MS = 10_000;

type Application = { readonly program: RunningProgram; next<K extends Report['kind']>(kind: K): Promise<Extract<Report, { kind: K }>> };

const startApplication = async (computer: Computer, vendorCode: string, ...work: readonly string[]): Promise<Application> => {
  const program = await computer.start(APPLICATION, [vendorCode, String(FEATURE), ...work]);
  return {
    program,
    async next(kind) {
      const line = await program.nextLine().catch(() => {
        throw new Error(program.stderr().trim() || 'the application said nothing');
      });
      const report = parseReport(line);
      if (!isKind(report, kind)) throw new Error(`the application reports ${line} where "${kind}" was expected`);
      return report;
    },
  };
};
const isKind = <K extends Report['kind']>(report: Report, kind: K): report is Extract<Report, { kind: K }> => report.kind === kind;

type Seen = {
  readonly key: string;
  readonly local: boolean;
  readonly licenseManager: { readonly hostname: string; readonly address: string; readonly guid: string };
};

/** Asks the LM of a computer for the keys it knows until this one is there. */
const findKey = async (computer: Computer, key: string): Promise<Seen> => {
  const until = performance.now() + FIND_MS;
  for (;;) {
    const keys = JSON.parse(await keyhaven(computer, 'keys', '--json')) as readonly Seen[];
    const found = keys.find((each) => each.key === key && !each.local);
    if (found !== undefined) return found;
    if (performance.now() > until)
      throw new Error(`key ${key} was not found within ${FIND_MS / 1_000} s; keys known there: ${keys.length}`);
    await pause(50);
  }
};

const seatsUsed = async (computer: Computer): Promise<number> => {
  const features = JSON.parse(await keyhaven(computer, 'features', '--json')) as readonly {
    readonly feature: number;
    readonly seats: { readonly used: number };
  }[];
  const used = features.find((each) => each.feature === FEATURE)?.seats.used;
  if (used === undefined) throw new Error(`feature ${FEATURE} is not listed`);
  return used;
};

const equal = (what: string, found: unknown, wanted: unknown): void => {
  if (found !== wanted) throw new Error(`${what} is ${JSON.stringify(found)}, not ${JSON.stringify(wanted)}`);
};

export const tellTale = async (computers: Computers, directory: string, { step }: Teller): Promise<void> => {
  const { first, second, kind } = computers;

  // The LM of the second computer starts after the license is there, so that its first search has something to find.
  const [owner, vendor] = await Promise.all([
    step(
      `start the license manager of ${first.name}`,
      () => startLm(first),
      (lm) => `${first.name}: Admin LM runs as process ${lm.pid}, GUID ${lm.guid}, on TCP and UDP port ${computers.port}`,
    ),
    step(
      'make the demo vendor',
      () => createDemoVendor(join(directory, 'vendor')),
      ({ vendor, vendorCode }, took) =>
        `vendor: ${vendor.name} (id ${vendor.id}) made its signing key in ${took} ms; vendor code ${vendorCode}`,
    ),
  ]);

  const c2v = join(first.directory, 'key.c2v');
  await step(
    `make a key on ${first.name}`,
    () => keyhaven(first, 'c2v', '--vendor-code', vendor.vendorCode, '--out', c2v),
    () => `${first.name}: a software key was made there, its state written to ${c2v}`,
  );
  const v2c = join(first.directory, 'license.v2c');
  const { key } = await step(
    'issue the license',
    () => vendor.issue(c2v, v2c),
    (issued) =>
      `vendor: signed a license for key ${issued.key}: feature ${FEATURE}, ${SEATS} seats, update ${issued.counter}, ${issued.bytes} bytes`,
  );
  await step(
    `apply the license on ${first.name}`,
    () => keyhaven(first, 'apply', v2c),
    (line) => `${first.name}: ${line}`,
  );

  const search = kind === 'loopback' ? [first.address] : [];
  const client = await step(
    `start the license manager of ${second.name}`,
    () => startLm(second, search),
    (lm) => `${second.name}: Admin LM runs as process ${lm.pid}, GUID ${lm.guid}`,
  );
  // The application asks for a license while the search is still under way, as one that starts with its computer does.
  const starting = startApplication(second, vendor.vendorCode, 'work');
  starting.catch(() => undefined);
  await step(
    `find the key from ${second.name}`,
    async () => {
      const found = await findKey(second, key);
      equal('the GUID of the license manager with the key', found.licenseManager.guid, owner.guid);
      return { found, within: Math.round(performance.now() - client.readyAt) };
    },
    ({ found: { licenseManager: lm }, within }) => {
      const how =
        kind === 'loopback'
          ? `a ping to ${first.address}`
          : `${isIPv6(lm.address.split('%')[0] ?? '') ? 'IPv6 multicast' : 'IPv4 broadcast'}`;
      return `${second.name}: found key ${key} at ${lm.hostname} (${lm.address}) by ${how}, within ${within} ms of its start`;
    },
  );

  const granted = (computer: Computer, pid: number, grant: Granted): string =>
    `${computer.name}: application ${pid} has a seat: session ${grant.session.slice(0, 8)}... of feature ${grant.feature} from key ${grant.key} at ${grant.hostname} (${grant.address}), login took ${grant.took} ms`;
  const login = async (application: Application): Promise<Granted> => {
    const grant = await application.next('granted');
    equal('the key', grant.key, key);
    return grant;
  };

  const worker = await starting;
  await step(
    `log in on ${second.name}`,
    () => login(worker),
    (grant) => granted(second, worker.program.pid, grant),
  );
  const others = Promise.all([startApplication(second, vendor.vendorCode), startApplication(second, vendor.vendorCode)]);
  others.catch(() => undefined);
  await step(
    'encrypt and decrypt with the key',
    async () => {
      const report = await worker.next('encrypted');
      equal('the decrypted text', report.opened, report.plain);
      return report;
    },
    (report) =>
      `${second.name}: encrypted ${JSON.stringify(report.plain)} to ${report.bytes} bytes (${report.begins}...) and decrypted them to ${JSON.stringify(report.opened)}, ${report.took} ms`,
  );
  await step(
    'write and read the memory of the key',
    async () => {
      const report = await worker.next('written');
      equal('what was read from memory', report.read, report.wrote);
      return report;
    },
    (report) =>
      `${second.name}: wrote ${report.wrote} to memory file ${report.file} of the key and read ${report.read} back, ${report.took} ms`,
  );

  const [other, third] = await others;
  // The two start together; which of them gets the last seat is theirs to settle.
  const { holder, loser, grant, refusal } = await step(
    'take the last seat',
    async () => {
      const reports = await Promise.all([other, third].map(async (each) => ({ each, report: parseReport(await each.program.nextLine()) })));
      const won = reports.find(({ report }) => report.kind === 'granted');
      const lost = reports.find(({ report }) => report.kind === 'refused');
      if (won?.report.kind !== 'granted' || lost?.report.kind !== 'refused')
        throw new Error(`two applications asked for one seat and got ${JSON.stringify(reports.map(({ report }) => report.kind))}`);
      return { holder: won.each, loser: lost.each, grant: won.report, refusal: lost.report };
    },
    ({ holder, grant }) => granted(second, holder.program.pid, grant),
  );
  await step(
    'be refused without a seat',
    async () => equal('the status', refusal.status, 38),
    () => `${second.name}: application ${loser.program.pid} was refused with status ${refusal.status} ${refusal.name}: ${refusal.message}`,
  );
  await step(
    'free the seat of a killed application',
    async () => {
      const start = performance.now();
      holder.program.kill('SIGKILL');
      const again = await login(loser);
      if (again.session === grant.session) throw new Error('the seat was not freed, the same session was given again');
      return { again, took: Math.round(performance.now() - start) };
    },
    ({ again, took }) =>
      `${second.name}: application ${holder.program.pid} was killed (kill -9); ${took} ms later application ${loser.program.pid} had its seat, session ${again.session.slice(0, 8)}...`,
  );
  for (const application of [worker, loser]) {
    await step(
      'log out',
      async () => {
        application.program.kill('SIGTERM');
        const report = await application.next('logged out');
        const { code } = await application.program.exited;
        equal('the exit status of the application', code, 0);
        return report;
      },
      ({ took }) => `${second.name}: application ${application.program.pid} logged out in ${took} ms and ended`,
    );
  }
  await step(
    `count the seats on ${first.name}`,
    async () => {
      const used = await seatsUsed(first);
      equal('the number of seats in use', used, 0);
      return used;
    },
    (used) => `${first.name}: ${used} of ${SEATS} seats of feature ${FEATURE} are in use`,
  );
};
