import { readFile } from 'node:fs/promises';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { Command } from 'commander';
import { withLm } from './list.ts';
import { askLm, parseTarget } from './lm-client.ts';
import { askTwice } from './passphrase.ts';

// keyhaven password: the administrator's password of a license manager. Where one is set already, it comes from --password-file or
// KEYHAVEN_ADMIN_PASSWORD, as for every other command.

export const ADMIN_PASSWORD = 'KEYHAVEN_ADMIN_PASSWORD';

/** The first line of a file. @throws LicensingError CANNOT_READ_FILE (72) */
export const passwordIn = async (file: string): Promise<string> => {
  try {
    return (await readFile(file, 'utf8')).split(/\r?\n/, 1)[0] ?? '';
  } catch (cause) {
    throw new LicensingError(Status.CANNOT_READ_FILE, { detail: `${file} cannot be read.`, cause });
  }
};

export const passwordCommand = (): Command =>
  new Command('password')
    .description("the administrator's password: needed from other computers, and for settings")
    .addCommand(
      withLm(new Command('set').description('sets it, or another one'))
        .option('--new-file <file>', 'a file whose first line is the new password; without it, it is typed')
        .action(async ({ lm, newFile }: { readonly lm: string; readonly newFile?: string }) => {
          const password = newFile === undefined ? await askTwice('New password of the administrator: ') : await passwordIn(newFile);
          await askLm(parseTarget(lm), 'PUT', '/api/v1/password', { type: 'application/json', text: JSON.stringify({ password }) });
          process.stdout.write('the password is set\n');
        }),
    )
    .addCommand(
      withLm(new Command('clear').description('takes it away')).action(async ({ lm }: { readonly lm: string }) => {
        await askLm(parseTarget(lm), 'DELETE', '/api/v1/password');
        process.stdout.write('there is no password now\n');
      }),
    );
