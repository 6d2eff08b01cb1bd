import { Command } from 'commander';
import { z } from 'zod';
import { intoFile } from './out.ts';
import { askJson, askLmText, type Common, withExamples } from './parts.ts';
import { printJson, table } from './print.ts';
import { withLm } from './with-lm.ts';

// keyhaven diagnostics and rights: what somebody who helps from afar asks for, and what one may do at a license manager (C2).

const report = z.looseObject({ at: z.string(), sections: z.record(z.string(), z.unknown()) });

const diagnosticsCommand = (): Command =>
  withExamples(
    withLm(new Command('diagnostics').description('the report on the license manager and its computer, for whoever helps'))
      .option('--out <file>', 'the file to write; without it, the report is printed')
      .option('--json', 'one JSON document')
      .action(async ({ lm, out, json }: Common & { readonly out?: string }, command: Command) => {
        if (json === true && out === undefined) return printJson(await askJson(report, lm, 'GET', '/api/v1/diagnostics'));
        const ask = async (): Promise<string> =>
          json === true
            ? `${JSON.stringify(await askJson(report, lm, 'GET', '/api/v1/diagnostics'), null, 2)}\n`
            : askLmText(lm, 'GET', '/api/v1/diagnostics/report');
        if (out === undefined) {
          process.stdout.write((await ask()).replaceAll(/[^\P{Cc}\n]+/gu, ' '));
          return;
        }
        // The report in JSON is a document of its own: --json does not change what is said about it.
        await intoFile({ out, again: 'The same command writes the report again.' }, command, ask, (text) => text);
        if (out === '-') return;
        process.stdout.write(`written: ${out}\n`);
      }),
    'keyhaven diagnostics --out report.txt',
    'keyhaven diagnostics --json',
  );

const rights = z.looseObject({
  authenticated: z.boolean(),
  read: z.boolean(),
  write: z.boolean(),
  configure: z.boolean(),
  widen: z.boolean(),
});

const rightsCommand = (): Command =>
  withExamples(
    withLm(new Command('rights').description('what you may do at the license manager from here, without its password'))
      .option('--json', 'one JSON document')
      .action(async ({ lm, json }: Common) => {
        const found = await askJson(rights, lm, 'GET', '/api/v1/login');
        if (json === true) return printJson(found);
        const rows = [
          ['look at keys, sessions and settings', found.read],
          ['end sessions, apply and move licenses', found.write],
          ['change settings', found.configure],
          ['change settings that widen access', found.widen],
        ] as const;
        process.stdout.write(
          table(
            ['WHAT', 'HERE'],
            rows.map(([what, may]) => [what, may ? 'yes' : 'no']),
            '',
          ),
        );
      }),
    'keyhaven rights',
  );

export const diagnosticsCommands = (): Command[] => [diagnosticsCommand(), rightsCommand()];
