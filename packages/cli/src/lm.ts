import { existsSync, mkdirSync } from 'node:fs';
import { homedir } from 'node:os';
import { dirname, join } from 'node:path';
import type { LicensingError } from '@keyhaven/core/errors';
import { defaultStateDirectory, defaultTrialDirectory } from '@keyhaven/license-manager/paths';
import { Command, Option } from 'commander';
import { newIdCommand } from './lm-new-id.ts';
import { whole } from './parts.ts';

// keyhaven lm: an Admin LM in the foreground.

type Options = {
  readonly state?: string;
  readonly config?: string;
  readonly bind?: string[];
  readonly port?: number;
  readonly name?: string;
  readonly log: string;
};

/** Where no file is named: one of its own, in a folder of its own, so that whoever watches it is not woken by each seat. */
const ownSettings = (state: string): string => join(state, 'config', 'keyhaven.ini');

const collect = (value: string, before: string[] | undefined): string[] => [...(before ?? []), value];

export const lmCommand = (): Command =>
  new Command('lm')
    .description('runs an Admin LM in the foreground')
    .option('--state <dir>', 'where keys and sessions are kept')
    .option('--config <file>', 'settings: an ini file (keyhaven.ini, hasplm.ini) or TOML')
    .option('--bind <addr>', 'an address to listen on; may be given several times', collect)
    .option('--port <n>', 'port, TCP and UDP', whole(1, 65_535))
    .option('--name <name>', 'machine name shown to others')
    .addOption(
      new Option('--log <level>', 'how much is written to standard error')
        .choices(['fatal', 'error', 'warn', 'info', 'debug'])
        .default('warn'),
    )
    .addCommand(newIdCommand())
    .action(async (options: Options) => {
      const { loadConfiguration, startAdminLm, watchConfiguration } = await import('@keyhaven/license-manager');
      const { loadAssets } = await import('@keyhaven/control-center/assets');
      const { pino } = await import('pino');
      const overrides = {
        bind: options.bind,
        port: options.port,
        name: options.name,
      };
      const state = options.state ?? defaultStateDirectory(process.env, process.platform, homedir(), process.getuid?.() === 0);
      const config = options.config ?? ownSettings(state);
      const read = options.config ?? (existsSync(config) ? config : undefined);
      const { settings, notes, where } = await loadConfiguration(read, overrides);
      const log = pino({ level: options.log, base: null }, pino.destination({ dest: 2, sync: true }));
      const tell = (each: typeof notes): void => {
        for (const { line, level, text } of each) log[level]({ file: config, line }, text);
      };
      tell(notes);
      const assets = await loadAssets();
      let ended = (_error?: LicensingError): void => undefined;
      const end = new Promise<LicensingError | undefined>((stop) => {
        ended = stop;
      });
      // Before it is ready: whoever reads that line may end it at once.
      process.once('SIGTERM', () => ended());
      process.once('SIGINT', () => ended());
      const lm = await startAdminLm({
        settings,
        where,
        configuration: { file: config, overrides },
        stateDirectory: state,
        ...(assets === undefined ? {} : { assets }),
        trialDirectory: defaultTrialDirectory(process.env, process.platform, homedir(), process.getuid?.() === 0),
        onEvent: ({ level, event, ...detail }) => log[level](detail, event),
        onConflict: (error) => ended(error),
      });
      // The first change makes it, and it is watched already.
      if (options.config === undefined) mkdirSync(dirname(config), { recursive: true, mode: 0o700 });
      const watch = watchConfiguration({
        file: config,
        overrides,
        onConfiguration(next) {
          tell(next.notes);
          const { now, restart } = lm.reconfigure(next.settings, next.where);
          log.info({ now }, 'settings changed');
          if (restart.length > 0) log.warn({ restart }, 'these settings change when the license manager is started again');
        },
        onFault: lm.settingsRefused,
      });
      printJsonLine('ready', { guid: lm.guid, pid: process.pid, tcp: lm.tcp, udp: lm.udp });
      const error = await end;
      watch.close();
      await lm.close();
      if (error !== undefined) throw error;
    });

const printJsonLine = (word: string, value: unknown): void => {
  process.stdout.write(`${word} ${JSON.stringify(value)}\n`);
};
