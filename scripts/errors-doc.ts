// Writes docs/errors.md from the catalogue of statuses. Run it after changing the catalogue; a test in core/errors compares the two.
import { writeFileSync } from 'node:fs';
import { catalogue, notProduced, type StatusEntry, type StatusName } from '@keyhaven/core/errors';

const groups: readonly (readonly [first: number, last: number, title: string])[] = [
  [0, 50, 'Requests, keys and the way to them'],
  [51, 86, 'Where a license may be used, updates and transfers'],
  [87, 113, 'Identities, tokens, later additions'],
  [400, 402, 'Loading of a vendor library'],
  [500, 525, 'Use of the API'],
  [600, 699, 'Internal'],
];

const reasons: Partial<Readonly<Record<StatusName, string>>> = notProduced;
const produced = ({ name }: StatusEntry): string => {
  const reason = reasons[name];
  return reason === undefined ? 'yes' : `no: ${reason}`;
};
const row = (entry: StatusEntry): string => `| ${entry.status} | ${entry.name} | ${entry.message} | ${entry.remedy} | ${produced(entry)} |`;

const section = ([first, last, title]: (typeof groups)[number]): string =>
  [
    `## ${first} to ${last}: ${title}`,
    '',
    '| Status | Name | What happened | What to do | This version produces it |',
    '| ---: | --- | --- | --- | --- |',
    ...catalogue.filter(({ status }) => status >= first && status <= last).map(row),
    '',
  ].join('\n');

const introduction = `# Errors

Every failure carries one of these statuses: on the command line as \`error <number> <NAME>: what happened. What to do.\`, in programs
as a \`LicensingError\` with \`status\`, \`name\`, \`message\` and \`remedy\`. A message may go on with a sentence on the particular cause,
and a remedy may be replaced by a more particular one; number and name never change their meaning.

The last column says whether this version produces the status: \`yes\` where a test does (\`test/errors\`), and otherwise why it cannot.

This file is written by \`scripts/errors-doc.ts\` from \`packages/core/src/errors\`; change the texts there.
`;

writeFileSync(new URL('../docs/errors.md', import.meta.url), [introduction, ...groups.map(section)].join('\n'));
