// npm start [-- --exit] [--no-lab]   tells the main job as it really happens, then serves the page of an Admin LM until Ctrl-C.
//
// --exit    ends with status 0 once the story is told
// --no-lab  two license managers on 127.0.0.1 and 127.0.0.2, also where network namespaces could be made
//
// Status 1 says which step failed and why. Whatever happens, the processes, namespaces and files of the story are gone afterwards.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { parseArgs } from 'node:util';
import { type Computers, openComputers } from './story/computers.ts';
import { type Page, servePage } from './story/page.ts';
import { tellTale } from './story/tale.ts';
import { createTeller } from './story/teller.ts';

class Interrupted extends Error {
  override readonly name = 'Interrupted';
}

const readArguments = (): { readonly exit: boolean; readonly lab: boolean } | undefined => {
  try {
    const { values } = parseArgs({ options: { exit: { type: 'boolean', default: false }, 'no-lab': { type: 'boolean', default: false } } });
    return { exit: values.exit, lab: !values['no-lab'] };
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : String(error)}\nusage: npm start -- [--exit] [--no-lab]`);
    return undefined;
  }
};

const run = async (wanted: { readonly exit: boolean; readonly lab: boolean }): Promise<number> => {
  const stopped = Promise.withResolvers<never>();
  stopped.promise.catch(() => undefined);
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => stopped.reject(new Interrupted(`stopped by ${signal}`)));
  const teller = createTeller((line) => console.log(line), stopped.promise);

  const directory = await mkdtemp(join(tmpdir(), 'keyhaven-story-'));
  let computers: Computers | undefined;
  let page: Page | undefined;
  let serving = false;
  try {
    computers = await openComputers(directory, wanted.lab);
    const { first, second } = computers;
    teller.say(
      computers.kind === 'namespaces'
        ? `two computers as network namespaces: ${first.name} (${first.address}) and ${second.name} (${second.address})`
        : `two computers as loopback addresses: ${first.name} (${first.address}) and ${second.name} (${second.address}); no network namespaces: ${computers.reason}`,
    );
    await tellTale(computers, directory, teller);
    await computers.close();
    teller.say('the story is told; both computers are removed');
    if (wanted.exit) return 0;

    page = await servePage(await mkdtemp(join(directory, 'page-')), teller);
    teller.say(`Admin Control Center: ${page.url} (Ctrl-C ends it)`);
    serving = true;
    // Ctrl-C in a terminal reaches the license manager too; it may be gone before this process has heard of it.
    await Promise.race([page.ended.then(() => pause(500)), stopped.promise]);
    console.error('failed: the license manager of the page has ended by itself');
    return 1;
  } catch (error) {
    const cause = error instanceof Error && error.cause instanceof Interrupted ? error.cause : error;
    if (cause instanceof Interrupted) {
      console.error(cause.message);
      return serving ? 0 : 1;
    }
    console.error(`failed: ${error instanceof Error ? error.message : String(error)}`);
    return 1;
  } finally {
    await page?.close();
    await computers?.close();
    await rm(directory, { recursive: true, force: true });
  }
};

const wanted = readArguments();
process.exitCode = wanted === undefined ? 2 : await run(wanted);
// Signal handlers alone do not keep the process; what a failed step left waiting must not either.
process.exit();
