// Writes the tables of docs/network.md from core/network. Run it after a change there; a test in core/network compares the two.
import { readFileSync, writeFileSync } from 'node:fs';
import { withTables } from '@keyhaven/core/network';

const document = new URL('../docs/network.md', import.meta.url);
writeFileSync(document, withTables(readFileSync(document, 'utf8')));
