import { LicensingError, requestKey, update } from '@keyhaven/licensing-api';
import { type Answer, type Command, obey } from './application.ts';

// A protected application that is told what to do by its parent, over IPC. It is begun by a script of one line in a folder of its own, so that
// what lies there lies beside it.

/**
 * `throw`: fails as programs fail; `exit`: ends while its sessions are open; `fail`: the thread of its Integrated LM meets what it does not
 * expect.
 */
export type OwnCommand =
  | { readonly do: 'exit' | 'throw' | 'fail' }
  | { readonly do: 'request key'; readonly request: Parameters<typeof requestKey>[0] }
  | { readonly do: 'update'; readonly data: string };
export type Order = { readonly id: number } & (Command | OwnCommand);

const answer = (message: Answer): void => void process.send?.(message);
const threads: { postMessage(message: unknown): void }[] = []; // BOUNDED by the license managers of this test program
process.on('worker', (worker) => threads.push(worker));

const act = async (command: Command | OwnCommand): Promise<unknown> => {
  switch (command.do) {
    case 'exit':
      process.exit(3);
      break;
    case 'fail':
      for (const thread of threads) thread.postMessage({ kind: 'connect', port: 'none' });
      return threads.length;
    case 'request key':
      return requestKey(command.request);
    case 'update':
      return update({ data: command.data });
    default:
      return obey(command as Command);
  }
};

process.on('message', (order: Order) => {
  const { id, ...command } = order;
  // Out of every promise.
  if (command.do === 'throw') throw new Error('as programs fail');
  act(command).then(
    (value) => answer({ id, value: value ?? null }),
    (error: unknown) => {
      const status = error instanceof LicensingError ? error.status : -1;
      answer({ id, refused: { status, message: error instanceof Error ? (error.stack ?? error.message) : String(error) } });
    },
  );
});
process.send?.('ready');
