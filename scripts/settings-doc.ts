// Writes the two tables of docs/guide/operate.md from the schema and the rows of the settings. Run it after changing them; a test of the
// license manager compares.
import { readFileSync, writeFileSync } from 'node:fs';
import { keptTable, settingsTable } from '@keyhaven/license-manager/configuration';

const guide = new URL('../docs/guide/operate.md', import.meta.url);

/** What is between the two marks of that name, made anew. */
const replaced = (text: string, name: string, table: string): string =>
  text.replace(
    new RegExp(`(<!-- ${name} -->\n)[^]*?(<!-- end of ${name} -->)`),
    (_, before: string, behind: string) => `${before}\n${table}\n\n${behind}`,
  );

writeFileSync(guide, replaced(replaced(readFileSync(guide, 'utf8'), 'settings', settingsTable()), 'kept keys', keptTable()));
