import { homedir } from 'node:os';
import { defaultStateDirectory, defaultTrialDirectory, loadSettings, startAdminLm } from '@keyhaven/license-manager';
import { Command } from 'commander';
import { pino } from 'pino';

// keyhaven lm: an Admin LM in the foreground.

type Options = {
  readonly state?: string;
  readonly config?: string;
  readonly bind?: string[];
  readonly port?: string;
  readonly name?: string;
  readonly log: string;
};

const collect = (value: string, before: string[] | undefined): string[] => [...(before ?? []), value];

export const lmCommand = (): Command =>
  new Command('lm')
    .description('runs an Admin LM in the foreground')
    .option('--state <dir>', 'where keys and sessions are kept')
    .option('--config <file>', 'settings (TOML)')
    .option('--bind <addr>', 'an address to listen on; may be given several times', collect)
    .option('--port <n>', 'port, TCP and UDP')
    .option('--name <name>', 'machine name shown to others')
    .option('--log <level>', 'fatal, error, warn, info, debug', 'warn')
    .action(async (options: Options) => {
      const settings = await loadSettings(options.config, {
        bind: options.bind,
        port: options.port === undefined ? undefined : Number(options.port),
        name: options.name,
      });
      const log = pino({ level: options.log, base: null }, pino.destination({ dest: 2, sync: true }));
      const state = options.state ?? defaultStateDirectory(process.env, process.platform, homedir(), process.getuid?.() === 0);
      const lm = await startAdminLm({
        settings,
        stateDirectory: state,
        trialDirectory: defaultTrialDirectory(process.env, process.platform, homedir(), process.getuid?.() === 0),
        onEvent: ({ level, event, ...detail }) => log[level](detail, event),
      });
      printJsonLine('ready', { guid: lm.guid, pid: process.pid, tcp: lm.tcp, udp: lm.udp });
      await new Promise<void>((stop) => {
        process.once('SIGTERM', stop);
        process.once('SIGINT', stop);
      });
      await lm.close();
    });

const printJsonLine = (word: string, value: unknown): void => {
  process.stdout.write(`${word} ${JSON.stringify(value)}\n`);
};
