import type { RemoteMode } from '../users/index.ts';

// What scripts post to action.html (C6): the end of a session, or a block of settings. Names are those of the field; values are 0 and 1.

export type ActionSettings = {
  readonly 'access.remoteLicenses'?: boolean;
  readonly 'search.broadcast'?: boolean;
  readonly 'search.aggressive'?: boolean;
  readonly 'search.addresses'?: readonly string[];
  readonly 'access.remoteClients'?: RemoteMode;
};
export type Action =
  | { readonly kind: 'end session'; readonly session: string }
  | { readonly kind: 'settings'; readonly settings: ActionSettings }
  | { readonly kind: 'unknown'; readonly reason: string };

/** BOUNDED: lines of a block, addresses of a list. */
const MAX_LINES = 1_000;

const flags: Readonly<Record<string, 'access.remoteLicenses' | 'search.broadcast' | 'search.aggressive'>> = {
  accesstoremote: 'access.remoteLicenses',
  broadcastsearch: 'search.broadcast',
  aggressive: 'search.aggressive',
};
/** Of these radio buttons one is set. */
const modes: Readonly<Record<string, RemoteMode>> = {
  accessfromremote_local: 'none',
  accessfromremote_secure: 'identifiable',
  accessfromremote_split: 'split',
  accessfromremote_remote: 'all',
};

const unknown = (reason: string): Action => ({ kind: 'unknown', reason });

const settingsIn = (lines: readonly string[]): Action => {
  let settings: ActionSettings = {};
  let list: string[] | undefined;
  let mode: RemoteMode | undefined;
  for (const line of lines) {
    if (line === 'serverlist' && list === undefined) list = [];
    else if (line === '/serverlist' && list !== undefined) {
      settings = { ...settings, 'search.addresses': list };
      list = undefined;
    } else if (list !== undefined) list.push(line);
    else {
      const [, name = '', value = ''] = /^(\w+)=(.*)$/.exec(line) ?? [];
      const setting = Object.hasOwn(flags, name) ? flags[name] : undefined;
      const wanted = Object.hasOwn(modes, name) ? modes[name] : undefined;
      if ((setting === undefined && wanted === undefined) || (value !== '0' && value !== '1'))
        return unknown(`The line ${JSON.stringify(line.slice(0, 80))} is no setting with 0 or 1.`);
      if (setting !== undefined) settings = { ...settings, [setting]: value === '1' };
      else if (value === '1') {
        if (mode !== undefined) return unknown('Access from remote clients has two modes at once.');
        mode = wanted;
      }
    }
  }
  if (list !== undefined) return unknown('The list of servers has no end.');
  if (mode !== undefined) settings = { ...settings, 'access.remoteClients': mode };
  return Object.keys(settings).length === 0 ? unknown('The block has no setting.') : { kind: 'settings', settings };
};

/** The body as it came, as plain text or as a form. Never throws. */
export const actionIn = (body: string): Action => {
  const lines = body
    .split(/\r?\n/, MAX_LINES + 1)
    .map((line) => line.trim())
    .filter((line) => line !== '');
  if (lines.length > MAX_LINES) return unknown(`The body has more than ${MAX_LINES} lines.`);
  const [first = ''] = lines;
  if (first === 'config') {
    return lines.at(-1) === '/config' ? settingsIn(lines.slice(1, -1)) : unknown('The block of settings has no end.');
  }
  const [, session] = lines.length === 1 ? (/^deletelogin=([\w.-]{1,200})$/.exec(first) ?? []) : [];
  return session === undefined ? unknown('It is neither the end of a session nor a block of settings.') : { kind: 'end session', session };
};
