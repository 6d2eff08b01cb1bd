#!/usr/bin/env node
// The command line's door. Plain JavaScript for Node.js 20 on: an older Node.js starts the pinned one and steps aside.

import { fileURLToPath } from 'node:url';
import { become, findNode, noNodeMessage, runtimeSuffices } from './pinned-node.js';

if (runtimeSuffices()) {
  const { main } = await import('../src/main.ts');
  await main(process.argv.slice(2));
} else {
  const self = fileURLToPath(import.meta.url);
  const node = findNode(fileURLToPath(new URL('.', import.meta.url)));
  if (node === undefined) {
    console.error(noNodeMessage());
    process.exit(1);
  }
  become(node, [self, ...process.argv.slice(2)], process.env);
}
