import { Command } from 'commander';
import { z } from 'zod';
import { askingFirst, confirm } from './confirm.ts';
import { askLm, parseTarget } from './lm-client.ts';
import { printJson } from './print.ts';
import { withLm } from './with-lm.ts';

// keyhaven lm new-id: another LM id, for a computer that was copied together with its license manager. On the computer itself only.

const answer = z.object({ guid: z.string(), waitsFor: z.number() });

const said = ({ guid, waitsFor }: z.infer<typeof answer>): string =>
  waitsFor === 0
    ? `The new LM id ${guid} holds after the next start. Keys, sessions of this computer and seats stay.\n`
    : `The new LM id ${guid} holds after a start without sessions over the network; there are ${waitsFor} now. With --now it is taken at the next start, and those sessions end.\n`;

export const newIdCommand = (): Command =>
  askingFirst(withLm(new Command('new-id').description('makes a new LM id, which holds after a start; asks first at a terminal')))
    .option('--now', 'at the next start, though sessions over the network end then')
    .option('--json', 'one JSON document')
    .action(
      async ({ lm, now, json, yes }: { readonly lm: string; readonly now?: boolean; readonly json?: boolean; readonly yes?: boolean }) => {
        await confirm('Give this license manager another LM id? Others take it for another one then; go on', yes);
        const body = { type: 'application/json', text: JSON.stringify({ now: now === true }) };
        const made = answer.parse(JSON.parse(await askLm(parseTarget(lm), 'POST', '/api/v1/lm-id', body)));
        if (json === true) printJson(made);
        else process.stdout.write(said(made));
      },
    );
