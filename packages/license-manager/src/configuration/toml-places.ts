import type { Settings } from '../settings.ts';

// Where the rules of access are written in a TOML file, for whoever asks which line decided. The parser of TOML tells no lines, so they are
// looked for: the key, and behind it each rule as a string of its own.

const lineAt = (text: string, at: number): number => text.slice(0, at).split('\n').length;

const keyAt = (text: string, name: string): number | undefined => {
  const found = new RegExp(String.raw`^[ \t]*(?:access[ \t]*\.[ \t]*)?["']?${name}["']?[ \t]*=`, 'm').exec(text);
  return found === null ? undefined : found.index + found[0].length;
};

/** The lines of these entries of a list, counted from 1; undefined for one that is written in a way that is not found. */
const entryLines = (text: string, name: string, entries: readonly string[]): readonly (number | undefined)[] => {
  let from = keyAt(text, name);
  if (from === undefined) return [];
  return entries.map((entry) => {
    const written = [JSON.stringify(entry), `'${entry}'`].map((quoted) => text.indexOf(quoted, from)).filter((at) => at >= 0);
    if (written.length === 0) return undefined;
    const at = Math.min(...written);
    from = at + entry.length;
    return lineAt(text, at);
  });
};

/** By the path of a setting and the index of an entry in it. */
export const tomlLines = (text: string, { access }: Settings): ((path: string, index?: number) => number | undefined) => {
  const [users, clients] = [entryLines(text, 'users', access.users), entryLines(text, 'clients', access.clients)];
  const mode = keyAt(text, 'remoteClients');
  return (path, index) => {
    if (path === 'access.users') return users[index ?? 0];
    if (path === 'access.clients') return clients[index ?? 0];
    return path === 'access.remoteClients' && mode !== undefined ? lineAt(text, mode) : undefined;
  };
};
