import { realpathSync, statSync } from 'node:fs';
import { join } from 'node:path';

// Where license managers of one computer find each other, whoever runs them. Several means, because none of them is seen everywhere:
// - Linux: an abstract socket is seen by everybody of a network namespace, whatever is mounted; a socket in a folder by everybody who sees the folder,
//   in any network namespace. A process that shares neither with the first one is on another computer as far as the system says.
// - macOS: sockets in folders that all users share. Windows: a named pipe, of which there is one of a name on a computer.
// Each name has a few slots: somebody else who takes one of them keeps nobody out.

/** `socket`: a file; `record` lies beside it. `name`: nothing is left over when the process ends. */
export type Place =
  | { readonly kind: 'name'; readonly path: string }
  | { readonly kind: 'socket'; readonly path: string; readonly record: string };

export const SLOTS = 4;

/** Folders that all users of a computer share. `/tmp` is none of them on Linux: services have their own (PrivateTmp). */
const folders: Readonly<Partial<Record<NodeJS.Platform, readonly string[]>>> = {
  linux: ['/run/keyhaven', '/run/lock', '/dev/shm'],
  darwin: ['/var/run/keyhaven', '/tmp', '/var/tmp'],
};

const foldersHere = (platform: NodeJS.Platform): readonly string[] => {
  const found = new Set<string>();
  for (const folder of folders[platform] ?? folders.linux ?? []) {
    try {
      const real = realpathSync.native(folder);
      if (statSync(real).isDirectory()) found.add(real);
    } catch {
      // Not on this computer.
    }
  }
  return [...found];
};

/** Every means, each with its slots in their order. */
export const placesOf = (name: string, platform: NodeJS.Platform = process.platform): readonly (readonly Place[])[] => {
  const slots = Array.from({ length: SLOTS }, (_, slot) => slot);
  const named = (path: (slot: number) => string): readonly Place[] => slots.map((slot) => ({ kind: 'name', path: path(slot) }));
  if (platform === 'win32') return [named((slot) => `\\\\.\\pipe\\keyhaven-${name}-${slot}`)];
  const sockets = foldersHere(platform).map((folder) =>
    slots.map((slot): Place => {
      const path = join(folder, `keyhaven-${name}-${slot}`);
      return { kind: 'socket', path, record: `${path}.json` };
    }),
  );
  return platform === 'linux' ? [named((slot) => `\0keyhaven-${name}-${slot}`), ...sockets] : sockets;
};
