import { readFileSync, writeFileSync } from 'node:fs';

// A registry that does not carry a package for some other platform makes npm leave it out of package-lock.json; `npm ci` then refuses the
// lockfile, here and everywhere else. Such entries can be written down without the registry: version and platform are in the name. npm
// keeps them, and never fetches them on this platform. They have no hash then, and without one npm would take whatever a registry gives: the check fails
// until `npm install --package-lock-only` has added it from a registry that carries the package.

type Entry = { version?: string; dev?: boolean; optionalDependencies?: Record<string, string>; [field: string]: unknown };
type Lockfile = { packages: Record<string, Entry>; [field: string]: unknown };

const SYSTEMS = ['aix', 'android', 'darwin', 'freebsd', 'linux', 'netbsd', 'openbsd', 'openharmony', 'sunos', 'win32'];
const PROCESSORS = ['arm', 'arm64', 'ia32', 'loong64', 'mips64el', 'ppc64', 'riscv64', 's390x', 'wasm32', 'x64'];
const LIBRARIES: readonly (readonly [RegExp, string])[] = [
  [/musl/, 'musl'],
  [/-gnu/, 'glibc'],
];

function entryFor(name: string, version: string, dev: boolean): Entry {
  const words = name.split(/[-/]/);
  const library = LIBRARIES.find(([pattern]) => pattern.test(name))?.[1];
  return {
    version,
    cpu: words.filter((word) => PROCESSORS.includes(word)),
    ...(dev ? { dev } : {}),
    ...(library === undefined ? {} : { libc: [library] }),
    optional: true,
    os: words.filter((word) => SYSTEMS.includes(word)),
  };
}

/** The lockfile's text with an entry for every optional package that it asks for, and the names that were absent. */
export function completed(text: string): { readonly text: string; readonly absent: readonly string[] } {
  const lockfile = JSON.parse(text) as Lockfile;
  const packages = new Map(Object.entries(lockfile.packages));
  const absent: string[] = [];
  for (const [path, { dev, optionalDependencies }] of Object.entries(lockfile.packages)) {
    for (const [name, version] of Object.entries(optionalDependencies ?? {})) {
      if (packages.has(`${path}/node_modules/${name}`) || packages.has(`node_modules/${name}`)) continue;
      absent.push(name);
      packages.set(`node_modules/${name}`, entryFor(name, version, dev === true));
    }
  }
  if (absent.length === 0) return { text, absent };
  const sorted = [...packages].sort(([a], [b]) => a.localeCompare(b, 'en'));
  return { text: `${JSON.stringify({ ...lockfile, packages: Object.fromEntries(sorted) }, null, 2)}\n`, absent };
}

/** Packages that npm would fetch without comparing them with a hash. Those of this repository are links. */
export function unverified(text: string): string[] {
  const { packages } = JSON.parse(text) as Lockfile;
  return Object.entries(packages).flatMap(([path, { link, integrity }]) =>
    /(?:^|\/)node_modules\//.test(path) && link !== true && !/^sha512-[A-Za-z0-9+/]{86}==$/.test(String(integrity)) ? [path] : [],
  );
}

export function lockfileFaults(file: string): string[] {
  const text = readFileSync(file, 'utf8');
  return [
    ...completed(text).absent.map((name) => `package-lock.json lacks ${name}: npm ci would refuse it`),
    ...unverified(text).map(
      (path) =>
        `package-lock.json has no integrity of ${path}: take the entry out and run npm install --package-lock-only --omit-lockfile-registry-resolved`,
    ),
  ];
}

export function completeLockfile(file: string): void {
  const { text, absent } = completed(readFileSync(file, 'utf8'));
  if (absent.length > 0) writeFileSync(file, text);
}
