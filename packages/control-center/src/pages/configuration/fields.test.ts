import { expect, it } from 'vitest';
import { grouped, type Setting } from './fields.ts';

const setting = (path: string): Setting => ({
  path,
  value: null,
  default: null,
  source: 'default',
  running: null,
  type: 'text',
  bounds: '',
  live: true,
  widens: false,
  effect: '',
});
const headings = (...paths: string[]): string[] =>
  grouped(paths.map(setting)).map(([title, of]) => `${title}: ${of.map(({ path }) => path).join(', ')}`);

it('who may use licenses stands first on its tab, and not under administration', () => {
  expect(headings('access.remoteClients', 'access.clients', 'access.publicAddress')).toEqual([
    ': access.remoteClients, access.clients, access.publicAddress',
  ]);
  expect(headings('access.remoteLicenses', 'search.broadcast')).toEqual([': access.remoteLicenses, search.broadcast']);
  expect(headings('access.remoteAdministration', 'name')).toEqual([': name', 'Administration: access.remoteAdministration']);
});
