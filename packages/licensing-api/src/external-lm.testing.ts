import type { Buffer } from 'node:buffer';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { decodeToLm, encodeToApplication, FrameDecoder, type ToApplication, type ToLm } from '@keyhaven/core/wire';

// A program that speaks like an External LM and holds no key, as a process of its own. Its first argument says how it goes wrong; the others are those of an
// External LM.

const [how = '', ...words] = process.argv.slice(2);
const decoder = new FrameDecoder();
const say = (message: ToApplication): void => void process.stdout.write(encodeToApplication(message));
const welcome = (version: number): void => say({ kind: 'welcome', version, guid: 'external', hostname: 'here', idleMs: 600_000 });

/** When that file is in the directory of the keys. */
const welcomeWhenTold = (): void => {
  if (existsSync(join(words[words.indexOf('--directory') + 1] ?? '', 'now'))) welcome(1);
  else setTimeout(welcomeWhenTold, 20);
};

const answer = (message: ToLm): void => {
  switch (message.kind) {
    case 'hello':
      if (how === 'refuses') say({ kind: 'refused', status: 47, detail: 'The store is damaged.' });
      else if (how === 'late') welcomeWhenTold();
      else welcome(how === 'newer' ? 99 : 1);
      return;
    case 'find':
      if (how === 'dies') process.kill(process.pid, 'SIGKILL');
      if (how === 'noisy') process.stderr.write('x'.repeat(1_000_000));
      say({ kind: 'found', request: message.request, status: 7, detail: words.join(' '), candidates: [] });
      return;
    default:
      return;
  }
};

process.stdin.on('data', (chunk: Buffer) => {
  for (const frame of decoder.push(chunk)) answer(decodeToLm(frame));
});
// As it has to: the end of its input is the end of its application.
if (how !== 'hangs') process.stdin.on('end', () => process.exit(0));
else setInterval(() => undefined, 60_000);
