import { spawnSync } from 'node:child_process';
import { chownSync, copyFileSync, mkdirSync } from 'node:fs';
import { join, relative } from 'node:path';

// A user of this computer who may do nothing but what every user may: another user id than that of the test where that one is root, with a home of
// its own in a folder that all may see, no groups and no way to more rights. Where the checkout lies in a folder of root, that user sees it at another place.

export type Unprivileged = {
  readonly home: string;
  readonly env: NodeJS.ProcessEnv;
  /** What a command of that user begins with. */
  readonly prefix: readonly string[];
  /** Where that user finds a file of the checkout. */
  seen(file: string): string;
  /** Hands a file or folder over to that user, as an installer does. */
  give(file: string): void;
};

const ROOT = join(import.meta.dirname, '../..');
/** In no list of users, as in many containers. */
const ID = 47_123;

export const unprivilegedUser = (folder: string): Unprivileged => {
  const home = join(folder, 'home');
  const isRoot = process.getuid?.() === 0;
  const { KEYHAVEN_STATE: _state, XDG_DATA_HOME: _data, XDG_STATE_HOME: _more, XDG_CONFIG_HOME: _config, ...rest } = process.env;
  const env = { ...rest, HOME: home, KEYHAVEN_LOCAL_LM: '127.0.0.1:9' };
  const give = (file: string): void => {
    if (isRoot) chownSync(file, ID, ID);
  };
  mkdirSync(home);
  give(home);
  if (!isRoot) return { home, env, prefix: [], seen: (file) => file, give };

  const as = ['setpriv', '--reuid', String(ID), '--regid', String(ID), '--clear-groups', '--no-new-privs'];
  const readable = spawnSync(as[0] ?? '', [...as.slice(1), 'ls', join(ROOT, 'packages'), process.execPath]).status === 0;
  if (readable) return { home, env, prefix: as, seen: (file) => file, give };
  const checkout = join(folder, 'checkout');
  const parts = ['packages', 'test', 'node_modules'];
  for (const part of parts) mkdirSync(join(checkout, part), { recursive: true });
  copyFileSync(join(ROOT, 'package.json'), join(checkout, 'package.json'));
  const mounts = parts.map((part) => `mount --bind "${join(ROOT, part)}" "${join(checkout, part)}"`).join(' && ');
  return {
    home,
    env,
    prefix: ['unshare', '--mount', 'sh', '-c', `${mounts} && exec ${as.join(' ')} "$@"`, 'sh'],
    seen: (file) => (file.startsWith(`${ROOT}/`) ? join(checkout, relative(ROOT, file)) : file),
    give,
  };
};
