import { copyFileSync, linkSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, readlinkSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { setTimeout as pause } from 'node:timers/promises';
import { externalLmFile, USER_STORE_FILE } from '@keyhaven/core/hosts';
import { openNearLm } from '@keyhaven/license-manager/near';
import { createTestVendor, type TestVendor } from '@keyhaven/testkit/local-lm';
import { type NearApplication, startNearProcess, writeApplication } from './near-process.ts';

// One user on this computer with a licensed SL UserMode key, and folders with protected applications in them: real processes, whose License
// Managers are External ones where the file lies in the folder, and Integrated ones where it does not.

export type { NearApplication } from './near-process.ts';

export type NearSite = {
  readonly vendor: TestVendor;
  readonly store: string;
  /** The environment of its applications. */
  readonly env: NodeJS.ProcessEnv;
  /** Where an application with an External LM beside it lies. */
  readonly folder: string;
  readonly externalFile: string;
  /** In another folder where it is to have no External LM, or another one. */
  application(folder?: string, env?: Readonly<Record<string, string>>): Promise<NearApplication>;
  makeFolder(name: string): string;
  /** Sessions in the store: what takes seats. */
  sessions(): readonly string[];
  /** Processes of External LMs that this file, or one that it has replaced, became. */
  externals(): readonly number[];
  /** Those that this application has started. */
  externalsOf(application: Pick<NearApplication, 'pid'>): readonly number[];
  /** Ends all applications, and waits for their External LMs to end by themselves. */
  quiet(): Promise<void>;
  close(): Promise<void>;
};

const VENDOR = 7;
const CATALOG = `
products:
  - id: 1
    name: Near
    features:
      - { id: 10, name: Ten seats, license: { type: perpetual }, concurrency: { seats: 10 } }
      - { id: 11, name: One seat, license: { type: perpetual }, concurrency: { seats: 1 } }
      - { id: 12, name: Three seats, license: { type: perpetual }, concurrency: { seats: 3 } }
    memory: { readWrite: 64 }
`;

/** Puts an executable beside applications, without another hundred megabytes where the file system can. */
export const placeFile = (from: string, to: string): void => {
  try {
    linkSync(from, to);
  } catch {
    copyFileSync(from, to);
  }
};

/** Waits for something that happens by itself in another process. */
export const until = async (what: string, holds: () => boolean, limitMs = 20_000): Promise<void> => {
  for (const began = performance.now(); !holds(); await pause(20))
    if (performance.now() - began > limitMs) throw new Error(`still not so after ${limitMs} ms: ${what}`);
};

export const openNearSite = async (
  executable: string,
  more: { readonly env?: Readonly<Record<string, string>> } = {},
): Promise<NearSite> => {
  const root = mkdtempSync(join(tmpdir(), 'keyhaven-near-'));
  const state = join(root, 'state');
  const store = join(state, 'user', String(VENDOR));
  const vendor = createTestVendor(CATALOG, VENDOR);
  const running = new Set<NearApplication>();
  const makeFolder = (name: string): string => {
    const folder = join(root, name);
    mkdirSync(folder);
    writeApplication(folder);
    return folder;
  };
  const folder = makeFolder('application');
  const externalFile = join(folder, externalLmFile(process.platform));
  placeFile(executable, externalFile);

  const maker = await openNearLm({ kind: 'integrated', vendor: VENDOR, directory: store });
  await maker.apply(vendor.issue(await maker.c2v({ vendorCode: vendor.vendorCode })));
  await maker.close();

  const env = {
    ...process.env,
    KEYHAVEN_STATE: state,
    KEYHAVEN_LOCAL_LM: '127.0.0.1:9',
    APPLICATION_CALL_TIMEOUT_MS: '60000',
    ...more.env,
  };
  const start = async (where: string, own: Readonly<Record<string, string>>): Promise<NearApplication> => {
    const application = await startNearProcess({ folder: where, vendorCode: vendor.vendorCode, env: { ...env, ...own } });
    running.add(application);
    void application.ended.then(() => running.delete(application));
    return application;
  };

  const quiet = async (): Promise<void> => {
    for (const { signal } of running) {
      signal('SIGCONT');
      signal('SIGKILL');
    }
    await Promise.all([...running].map(({ ended }) => ended));
    await until('no External LM is left', () => processesOf(externalFile).length === 0);
  };

  return {
    vendor,
    store,
    env,
    folder,
    externalFile,
    application: (where = folder, own = {}) => start(where, own),
    makeFolder,
    sessions() {
      const database = new DatabaseSync(join(store, USER_STORE_FILE), { readOnly: true });
      try {
        return database
          .prepare("SELECT key FROM row WHERE key LIKE '%/session/%'")
          .all()
          .map((row) => String(row['key']));
      } finally {
        database.close();
      }
    },
    externals: () => processesOf(externalFile),
    externalsOf: ({ pid }) => processesOf(externalFile).filter((each) => parentOf(each) === pid),
    quiet,
    async close() {
      await quiet().finally(() => {
        for (const pid of processesOf(externalFile)) process.kill(pid, 'SIGKILL');
        rmSync(root, { recursive: true, force: true });
      });
    },
  };
};

const parentOf = (pid: number): number => {
  try {
    return Number(/^PPid:\s+(\d+)$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]);
  } catch {
    return 0;
  }
};

/** Linux names a file that was replaced as deleted. */
const processesOf = (file: string): readonly number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .flatMap((name) => {
      try {
        const program = readlinkSync(`/proc/${name}/exe`).replace(/ \(deleted\)$/, '');
        return program === file ? [Number(name)] : [];
      } catch {
        return [];
      }
    });
