import { formatError, LicensingError, Status } from '@keyhaven/core/errors';
import { VERSION } from '@keyhaven/license-manager/version';
import { Command, CommanderError } from 'commander';
import { auditCommand } from './audit.ts';
import { completionCommand } from './completion.ts';
import { configCommand } from './config.ts';
import { denialsCommand } from './denials.ts';
import { diagnosticsCommands } from './diagnostics.ts';
import { fingerprintCommand } from './fingerprint.ts';
import { identityCommand } from './identity.ts';
import { keyCommand } from './key.ts';
import { licenseFileCommands } from './license-files.ts';
import { listCommands } from './list.ts';
import { lmCommand } from './lm.ts';
import { logCommand } from './log.ts';
import { loginCommand } from './login.ts';
import { netCommand } from './net.ts';
import { passwordCommand } from './password.ts';
import { ADMIN_PASSWORD, passwordIn } from './password-file.ts';
import { peopleCommands } from './people.ts';
import { reportCommand } from './report.ts';
import { searchCommand } from './search.ts';
import { transferCommands } from './transfer.ts';
import { explainUsage } from './usage.ts';
import { vendorCommand } from './vendor.ts';

// keyhaven, the command line (INTERFACES). Exit status 0, 1 with one `error ...` line on stderr, or 2 for wrong usage.

/** All commands; each knows its examples, and errors of usage are thrown. */
export const program = (): Command => {
  const root = new Command('keyhaven').description('Keyhaven, the open license manager').version(VERSION);
  for (const command of [
    lmCommand(),
    ...listCommands(),
    keyCommand(),
    denialsCommand(),
    auditCommand(),
    reportCommand(),
    ...peopleCommands(),
    logCommand(),
    searchCommand(),
    ...diagnosticsCommands(),
    ...licenseFileCommands(),
    fingerprintCommand(),
    ...transferCommands(),
    loginCommand(),
    netCommand(),
    configCommand(),
    passwordCommand(),
    identityCommand(),
    vendorCommand(),
    completionCommand(),
  ])
    root.addCommand(command);
  explainUsage(root);
  return root;
};

export const main = async (argv: readonly string[]): Promise<void> => {
  const root = program();
  // Whoever reads only the first lines of it has had enough: `keyhaven sessions | head`.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => process.exit(error.code === 'EPIPE' ? 0 : 1));
  root.hook('preAction', async (_root, action) => {
    const file: unknown = action.optsWithGlobals()['passwordFile'];
    // As if it had been in the environment of this one command.
    if (typeof file === 'string') process.env[ADMIN_PASSWORD] = await passwordIn(file);
  });
  try {
    await root.parseAsync([...argv], { from: 'user' });
  } catch (error) {
    if (error instanceof CommanderError) {
      process.exitCode = error.exitCode === 0 ? 0 : 2;
      return;
    }
    const known =
      error instanceof LicensingError
        ? error
        : new LicensingError(Status.INT_ERR, { detail: error instanceof Error ? error.message : String(error), cause: error });
    process.stderr.write(`${formatError(known)}\n`);
    process.exitCode = 1;
  }
};
