import { Command } from 'commander';
import { z } from 'zod';
import { askJson, type Common, withExamples } from './parts.ts';
import { printJson, table } from './print.ts';
import { plain } from './width.ts';
import { withLm } from './with-lm.ts';

// keyhaven net plan and net upcoming: what a license manager sends and receives with its settings, and what it sends next by itself (R10).

const flow = z.looseObject({
  direction: z.string(),
  transport: z.string(),
  kinds: z.array(z.string()),
  interface: z.string().optional(),
  remote: z.array(z.string()),
  localPort: z.number().optional(),
  remotePort: z.number().optional(),
  every: z.string().optional(),
  reason: z.string(),
});
const plan = z.looseObject({ flows: z.array(flow), remarks: z.array(z.string()) });
const upcoming = z.array(z.looseObject({ kind: z.string(), to: z.string(), at: z.string() }));

export const planCommand = (): Command =>
  withExamples(
    withLm(new Command('plan').description('what the license manager sends and receives with its settings, and how often'))
      .option('--json', 'one JSON document')
      .action(async ({ lm, json }: Common) => {
        const found = await askJson(plan, lm, 'GET', '/api/v1/network/plan');
        if (json === true) return printJson(found);
        const rows = found.flows.map((each) => [
          each.direction,
          each.transport,
          each.kinds.join(', '),
          each.interface ?? 'any',
          each.remote.length === 0 ? 'any' : each.remote.join(', '),
          each.localPort ?? null,
          each.remotePort ?? null,
          each.every ?? 'when needed',
          each.reason,
        ]);
        const heads = ['', 'PROTOCOL', 'WHAT', 'INTERFACE', 'OTHERS', 'OWN PORT', 'THEIR PORT', 'HOW OFTEN', 'REASON'];
        process.stdout.write(table(heads, rows, 'The license manager sends and receives nothing.'));
        for (const remark of found.remarks) process.stdout.write(`${plain(remark)}\n`);
      }),
    'keyhaven net plan',
  );

export const upcomingCommand = (): Command =>
  withExamples(
    withLm(new Command('upcoming').description('what the license manager is going to send by itself, and when'))
      .option('--json', 'one JSON document')
      .action(async ({ lm, json }: Common) => {
        const found = await askJson(upcoming, lm, 'GET', '/api/v1/network/upcoming');
        if (json === true) return printJson(found);
        process.stdout.write(
          table(
            ['AT', 'WHAT', 'TO'],
            found.map((each) => [each.at, each.kind, each.to]),
            'Nothing is scheduled.',
          ),
        );
      }),
    'keyhaven net upcoming',
  );
