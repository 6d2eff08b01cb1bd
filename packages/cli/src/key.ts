import { Command } from 'commander';
import { z } from 'zod';
import { certificateCommand } from './key-certificate.ts';
import { askJson, type Common } from './parts.ts';
import { say } from './print.ts';
import { plain } from './width.ts';
import { withLm } from './with-lm.ts';

// keyhaven key: what tells one key of a computer from another for people: its name, and its light.

const named = z.looseObject({ key: z.string(), name: z.string() });
const lit = z.looseObject({ key: z.string(), blinking: z.boolean() });
const pathTo = (id: string, what: string): string => `/api/v1/keys/${encodeURIComponent(id)}/${what}`;

const nameCommand = (): Command =>
  withLm(new Command('name').description('names a key of the license manager; without a name, takes it away'))
    .argument('<id>', 'as shown by: keyhaven keys')
    .argument('[name]', 'up to 80 characters')
    .option('--json', 'one JSON document')
    .action(async (id: string, name: string | undefined, { lm, json }: Common) => {
      const done = await askJson(named, lm, 'PUT', pathTo(id, 'name'), { name: name ?? '' });
      say(json, done.name === '' ? `key ${plain(done.key)} has no name now` : `key ${plain(done.key)} is "${plain(done.name)}" now`, done);
    });

const blinkCommand = (): Command =>
  withLm(new Command('blink').description('lets the light of a key in hardware blink, so that people find it'))
    .argument('<id>', 'as shown by: keyhaven keys')
    .option('--off', 'not any more')
    .option('--json', 'one JSON document')
    .action(async (id: string, { lm, json, off }: Common & { readonly off?: boolean }) => {
      const done = await askJson(lit, lm, 'POST', pathTo(id, 'blink'), { on: off !== true });
      say(json, done.blinking ? `key ${plain(done.key)} blinks` : `key ${plain(done.key)} does not blink any more`, done);
    });

export const keyCommand = (): Command =>
  new Command('key')
    .description('the name and the light of a key, and what is certified of it')
    .addCommand(nameCommand())
    .addCommand(blinkCommand())
    .addCommand(certificateCommand());
