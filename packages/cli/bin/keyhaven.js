#!/usr/bin/env node
// The command line's door. Plain JavaScript for Node.js 20 on: an older Node.js starts the pinned one and steps aside.

import { fileURLToPath } from 'node:url';
import { become, findNode, keepCompiled, noNodeMessage, runtimeSuffices } from './pinned-node.js';

const here = fileURLToPath(new URL('.', import.meta.url));
if (runtimeSuffices()) {
  keepCompiled(here, process.env);
  const argv = process.argv.slice(2);
  // What shells ask for while somebody types loads less.
  const { main } = await (argv[0] === '__values' ? import('../src/completion-values.ts') : import('../src/main.ts'));
  await main(argv);
} else {
  const self = fileURLToPath(import.meta.url);
  const node = findNode(here);
  if (node === undefined) {
    console.error(noNodeMessage());
    process.exit(1);
  }
  become(node, [self, ...process.argv.slice(2)], process.env);
}
