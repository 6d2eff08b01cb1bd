import type { RemoteMode } from '../users/index.ts';

// Pages that scripts read with the names of the field (C6): settings as forms, and what became of an upload. People have the Admin Control Center.

const html: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };
const escaped = (text: string): string => text.toWellFormed().replaceAll(/[&<>"']/g, (each) => html[each] ?? '');
const page = (title: string, body: string, head = ''): string =>
  `<!doctype html>\n<html lang="en"><head><meta charset="utf-8"><title>${title}</title>${head}</head><body>\n<h1>${title}</h1>\n${body}\n</body></html>\n`;

/** Without the slash at the end of the tag: some look for the `>` behind `checked`. */
const input = (type: 'checkbox' | 'radio', id: string, checked: boolean, label: string, name = id): string =>
  `<p><input type=${type} id=${id} name=${name}${checked ? ' checked' : ''}><label for=${id}> ${label}</label></p>`;

export type PageSettings = {
  readonly remoteLicenses: boolean;
  readonly broadcast: boolean;
  readonly aggressive: boolean;
  readonly addresses: readonly string[];
  readonly remoteClients: RemoteMode;
};

/** With the script that is behind "Submit" (SETTINGS_SCRIPT); what came of it is said below. */
const settingsPage = (title: string, inputs: string): string =>
  page(
    title,
    `${inputs}\n<p><a id=submit href="#">Submit</a></p>\n<p id=said role=status></p>\n<p><a href="/#/configuration">All settings</a></p>`,
    '<script src="settings-form.js" defer></script>',
  );

/** conf_to.html and config_to.html. */
export const toRemotePage = ({ remoteLicenses, broadcast, aggressive, addresses }: PageSettings): string =>
  settingsPage(
    'Access to Remote License Managers',
    [
      input('checkbox', 'accesstoremote', remoteLicenses, 'Allow Access to Remote Licenses'),
      input('checkbox', 'broadcastsearch', broadcast, 'Broadcast Search for Remote Licenses'),
      input('checkbox', 'aggressive', aggressive, 'Aggressive Search for Remote Licenses'),
      `<p><label for=serverlist>Remote License Search Parameters</label><br><textarea id=serverlist rows=8 cols=60>${escaped(addresses.join('\n'))}</textarea></p>`,
    ].join('\n'),
  );

const modes = [
  ['accessfromremote_local', 'none', 'No one'],
  ['accessfromremote_secure', 'identifiable', 'Identifiable clients only'],
  ['accessfromremote_split', 'split', 'All, cloud licenses require identity'],
  ['accessfromremote_remote', 'all', 'All, no identity required'],
] as const satisfies readonly (readonly [string, RemoteMode, string])[];

/** conf_from.html: exactly one of the four is checked. */
export const fromRemotePage = ({ remoteClients }: PageSettings): string =>
  settingsPage(
    'Access from Remote Clients',
    modes.map(([id, mode, label]) => input('radio', id, mode === remoteClients, label, 'accessfromremote')).join('\n'),
  );

/** What some read out of a script is written so that no text ends the string or the script (S8). */
const inScript = (text: string): string =>
  JSON.stringify(text.toWellFormed()).replaceAll(/[<>&'\u2028\u2029]/g, (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, '0')}`);

/** checkin_file.html. `error` is the number of the status, 0 = the file was applied. The script is read and never run: the page may run none. */
export const uploadPage = (error: number, text: string): string =>
  page('Update/Attach', `<script>\nvar error = ${error};\nvar acc_extended_error = ${inScript(text)};\n</script>\n<p>${escaped(text)}</p>`);
