import type { SystemReader } from './system-reader.ts';

/** A made-up computer: files by path (for bytes each character is one), links by path, what programs print by the end of their name. */
export const madeUpSystem = (of: {
  readonly files?: Readonly<Record<string, string>>;
  readonly links?: Readonly<Record<string, string>>;
  readonly programs?: Readonly<Record<string, (args: readonly string[]) => string | undefined>>;
  readonly env?: Readonly<Record<string, string>>;
  readonly hostname?: string;
  readonly addresses?: readonly string[];
}): SystemReader => {
  const { files = {}, links = {}, programs = {} } = of;
  const paths = [...Object.keys(files), ...Object.keys(links)];
  return {
    file: async (path) => files[path],
    bytes: async (path) => (files[path] === undefined ? undefined : Buffer.from(files[path], 'latin1')),
    exists: async (path) => paths.some((each) => each === path || each.startsWith(`${path}/`)),
    names: async (directory) =>
      [
        ...new Set(
          paths.flatMap((path) => (path.startsWith(`${directory}/`) ? [path.slice(directory.length + 1).split('/')[0] ?? ''] : [])),
        ),
      ].sort(),
    target: async (path) => links[path],
    run: async (program, args) => Object.entries(programs).find(([name]) => program.endsWith(name))?.[1](args),
    env: of.env ?? {},
    hostname: of.hostname ?? 'survey',
    addresses: of.addresses ?? [],
  };
};
