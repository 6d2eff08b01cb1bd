import { join } from 'node:path';

// Where an Admin LM keeps what it keeps, unless it is told otherwise.

type Place = readonly [env: Readonly<Record<string, string | undefined>>, platform: string, home: string, root: boolean];

export const defaultStateDirectory = (...[env, platform, home, root]: Place): string => {
  const given = env['KEYHAVEN_STATE'];
  if (given !== undefined && given !== '') return given;
  if (platform === 'win32') return join(env['PROGRAMDATA'] ?? 'C:\\ProgramData', 'Keyhaven');
  if (platform === 'darwin') return root ? '/Library/Application Support/Keyhaven' : join(home, 'Library/Application Support/Keyhaven');
  return root ? '/var/lib/keyhaven' : join(env['XDG_STATE_HOME'] ?? join(home, '.local/state'), 'keyhaven');
};

/** Outside of every state directory, so that a new one does not begin trials anew (K8). */
export const defaultTrialDirectory = (...[env, platform, home, root]: Place): string => {
  if (platform === 'win32') return join(env['PROGRAMDATA'] ?? 'C:\\ProgramData', 'Keyhaven Trials');
  if (platform === 'darwin') return root ? '/Library/Preferences/Keyhaven Trials' : join(home, 'Library/Preferences/Keyhaven Trials');
  return root ? '/var/lib/keyhaven-trials' : join(env['XDG_DATA_HOME'] ?? join(home, '.local/share'), 'keyhaven-trials');
};
