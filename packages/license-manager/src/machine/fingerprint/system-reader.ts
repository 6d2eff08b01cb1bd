import { execFile } from 'node:child_process';
import { access, open, readdir, readlink } from 'node:fs/promises';
import { hostname, networkInterfaces } from 'node:os';

// What collectors may ask of the computer. They never fail: what cannot be read is absent, for a computer without a disk drive is still one.

export type SystemReader = {
  /** Contents of a file as text, without what is beyond the bound; undefined where it cannot be read. */
  file(path: string): Promise<string | undefined>;
  /** Likewise as bytes. */
  bytes(path: string): Promise<Uint8Array | undefined>;
  exists(path: string): Promise<boolean>;
  /** Names in a directory, sorted; none where it cannot be read. */
  names(directory: string): Promise<readonly string[]>;
  /** Where a symbolic link points. */
  target(path: string): Promise<string | undefined>;
  /** What a program prints; undefined where it is not there, fails or takes too long. */
  run(program: string, args: readonly string[]): Promise<string | undefined>;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly hostname: string;
  readonly addresses: readonly string[];
};

/** BOUNDED: bytes of a file, and of what a program prints. */
const MAX_FILE = 256 * 1024;
const MAX_OUTPUT = 4 * 1024 * 1024;
/** The first question to a Windows computer that just started takes many seconds. */
const PROGRAM_MS = 60_000;

const readBounded = async (path: string): Promise<Buffer | undefined> => {
  try {
    const file = await open(path, 'r');
    try {
      // Files under /sys say 4096 and have less; those under /proc say 0 and have more.
      const bytes = Buffer.alloc(MAX_FILE);
      let length = 0;
      for (;;) {
        const { bytesRead } = await file.read(bytes, length, MAX_FILE - length);
        length += bytesRead;
        if (bytesRead === 0 || length === MAX_FILE) return bytes.subarray(0, length);
      }
    } finally {
      await file.close();
    }
  } catch {
    return undefined;
  }
};

export const thisSystem: SystemReader = {
  file: async (path) => (await readBounded(path))?.toString('utf8'),
  bytes: readBounded,
  exists: (path) =>
    access(path).then(
      () => true,
      () => false,
    ),
  names: (directory) =>
    readdir(directory).then(
      (names) => names.sort(),
      () => [],
    ),
  target: (path) => readlink(path).catch(() => undefined),
  run: (program, args) =>
    new Promise((resolve) => {
      execFile(program, args, { timeout: PROGRAM_MS, maxBuffer: MAX_OUTPUT, windowsHide: true, encoding: 'utf8' }, (error, stdout) =>
        resolve(error === null ? stdout : undefined),
      );
    }),
  get env() {
    return process.env;
  },
  get hostname() {
    return hostname();
  },
  get addresses() {
    return Object.values(networkInterfaces()).flatMap((each) =>
      (each ?? []).filter(({ internal }) => !internal).map(({ address }) => address),
    );
  },
};
