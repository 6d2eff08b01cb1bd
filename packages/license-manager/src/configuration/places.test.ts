import { Buffer } from 'node:buffer';
import { describe, expect, it } from 'vitest';
import { rulesOf } from '../access/index.ts';
import { parseConfiguration } from './load.ts';

const placesIn = (file: string, text: string) => {
  const { settings, where } = parseConfiguration(file, Buffer.from(text));
  const { users, clients, remote } = rulesOf(settings.access, where);
  return [remote?.place, ...users.map(({ place }) => place), ...clients.map(({ place }) => place)].map((place) =>
    place === undefined ? undefined : `${place.file}:${place.line}`,
  );
};

describe('where a rule is written (R9)', () => {
  it('is its line in an ini file', () => {
    const text = '[SERVER]\naccessfromremote = split\n[USERS]\n; nobody\ngroup g = ada\nallow=g\n\ndeny=bob\n[ACCESS]\ndeny=10.*\n';
    expect(placesIn('a.ini', text)).toEqual(['a.ini:2', 'a.ini:6', 'a.ini:8', 'a.ini:10']);
    expect(placesIn('a.ini', '')).toEqual([undefined]);
  });

  it('is its line in a TOML file, however its strings are written, also where the same rule stands twice', () => {
    const text = `[access]
clients = ["deny=10.*",
  'deny=10.*', # deny=11.*
  "deny=11.*"]
users = [
  'group g = "ada"'
]
remoteClients = true
`.replace(`'group g = "ada"'`, `"group g = ada",\n  "deny=g"`);
    expect(placesIn('a.toml', text)).toEqual(['a.toml:9', 'a.toml:7', 'a.toml:2', 'a.toml:3', 'a.toml:4']);
    expect(placesIn('a.toml', 'access.clients = ["deny=\\u0031\\u0030.*"]'), 'written with escapes').toEqual([undefined, undefined]);
  });
});
