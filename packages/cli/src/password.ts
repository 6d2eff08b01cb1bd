import { homedir } from 'node:os';
import { defaultStateDirectory } from '@keyhaven/license-manager/paths';
import { Command } from 'commander';
import { askingFirst, confirm } from './confirm.ts';
import { askLm, parseTarget } from './lm-client.ts';
import { askTwice } from './passphrase.ts';
import { passwordIn } from './password-file.ts';
import { say } from './print.ts';
import { withLm } from './with-lm.ts';

// keyhaven password: the administrator's password of a license manager. Where one is set already, it comes from --password-file or
// KEYHAVEN_ADMIN_PASSWORD, as for every other command.

type Common = { readonly lm: string; readonly json?: boolean };
type ResetOptions = { readonly state?: string; readonly newFile?: string; readonly json?: boolean; readonly yes?: boolean };

const resetCommand = (): Command =>
  askingFirst(new Command('reset'))
    .description('for a forgotten one: takes it away, or sets another; by the owner of the files, while the license manager is stopped')
    .option('--state <dir>', 'where the license manager keeps keys and sessions')
    .option('--new-file <file>', 'a file whose first line is the new password; without it, there is none afterwards')
    .option('--json', 'one JSON document')
    .action(async ({ state, newFile, json, yes }: ResetOptions) => {
      const user = process.getuid?.();
      const directory = state ?? defaultStateDirectory(process.env, process.platform, homedir(), user === 0);
      const next = newFile === undefined ? undefined : await passwordIn(newFile);
      await confirm(next === undefined ? 'Take the password of the administrator away' : 'Set another password of the administrator', yes);
      const { resetPassword } = await import('@keyhaven/license-manager/administration');
      const { wasSet } = await resetPassword(directory, user, next);
      const now = next === undefined ? 'there is no password now; set one with: keyhaven password set' : 'the new password is set';
      say(json, wasSet || next !== undefined ? now : 'there was no password', { set: next !== undefined });
    });

export const passwordCommand = (): Command =>
  new Command('password')
    .description("the administrator's password: needed from other computers, and for settings")
    .addCommand(
      withLm(new Command('set').description('sets it, or another one'))
        .option('--new-file <file>', 'a file whose first line is the new password; without it, it is typed')
        .option('--json', 'one JSON document')
        .action(async ({ lm, newFile, json }: Common & { readonly newFile?: string }) => {
          const password = newFile === undefined ? await askTwice('New password of the administrator: ') : await passwordIn(newFile);
          await askLm(parseTarget(lm), 'PUT', '/api/v1/password', { type: 'application/json', text: JSON.stringify({ password }) });
          say(json, 'the password is set', { set: true });
        }),
    )
    .addCommand(
      askingFirst(withLm(new Command('clear').description('takes it away')))
        .option('--json', 'one JSON document')
        .action(async ({ lm, json, yes }: Common & { readonly yes?: boolean }) => {
          await confirm('Take the password of the administrator away', yes);
          await askLm(parseTarget(lm), 'DELETE', '/api/v1/password');
          say(json, 'there is no password now', { set: false });
        }),
    )
    .addCommand(resetCommand());
