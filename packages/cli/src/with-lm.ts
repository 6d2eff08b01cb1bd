import type { Command } from 'commander';

/** Of every command that asks a license manager: which one, and the administrator's password where it asks for one. */
export const withLm = (command: Command): Command =>
  command
    .option('--lm <host:port>', 'the license manager to ask', '127.0.0.1:1947')
    .option('--password-file <file>', "a file whose first line is the administrator's password; else KEYHAVEN_ADMIN_PASSWORD");
