// Where the SL UserMode keys of a user lie, one directory for each vendor; and what an External LM is called beside an application.

export type Environment = Readonly<Record<string, string | undefined>>;

/**
 * KEYHAVEN_STATE moves it, as it moves the state of an Admin LM.
 * @param platform as Node.js names it: linux, darwin, win32
 */
export const userStoreDirectory = (env: Environment, platform: string, home: string, vendor: number): string => {
  const given = (name: string): string | undefined => (env[name] === '' ? undefined : env[name]);
  const join = (...parts: readonly string[]): string => [...parts, 'user', String(vendor)].join(platform === 'win32' ? '\\' : '/');
  const state = given('KEYHAVEN_STATE');
  if (state !== undefined) return join(state);
  if (platform === 'win32') return join(given('LOCALAPPDATA') ?? `${home}\\AppData\\Local`, 'Keyhaven');
  if (platform === 'darwin') return join(home, 'Library/Application Support/Keyhaven');
  // A path that is not absolute is no path, says the specification of these directories.
  const data = given('XDG_DATA_HOME');
  return join(data?.startsWith('/') === true ? data : `${home}/.local/share`, 'keyhaven');
};

/** In the directory of a store; where it is, there is a store. */
export const USER_STORE_FILE = 'ledger.db';

export const externalLmFile = (platform: string): string => `keyhaven-external-lm${platform === 'win32' ? '.exe' : ''}`;
