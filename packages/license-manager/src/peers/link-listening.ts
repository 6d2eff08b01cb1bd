import { decodeBlocks, decodeBody, type LinkKeys } from '@keyhaven/core/link';
import { type Clock, SECOND } from '@keyhaven/core/time';

// A listening request (K19): asks to be told when there is something to fetch, for as long as the peer has somebody who waits. One request for all
// of them.

/** Far less than an honest peer holds a request of which nothing comes. */
const ROUND_MS = 200;

export type Listening = { begin(proven: LinkKeys): void };

export const createListening = (options: {
  readonly clock: Clock;
  readonly ask: (proven: LinkKeys) => Promise<string>;
  /** Whether this link is still the one. */
  readonly goesOn: (proven: LinkKeys) => boolean;
  readonly fetch: () => void;
}): Listening => {
  const { clock, goesOn, fetch } = options;
  /** The link that the request speaks for; a link made anew needs one of its own. */
  let listening: LinkKeys | undefined;

  const ask = async (proven: LinkKeys): Promise<'fetch' | 'listen' | 'nothing'> => {
    const body = decodeBody(await options.ask(proven), proven.incoming);
    const said = body.link === proven.id ? decodeBlocks(body.blocks).map(({ kind }) => kind) : [];
    return said.includes('more') ? 'fetch' : said.includes('listen') ? 'listen' : 'nothing';
  };
  const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => void clock.after(milliseconds, resolve));
  return {
    begin(proven) {
      if (listening === proven) return;
      listening = proven;
      const ended = (): void => {
        if (listening === proven) listening = undefined;
      };
      const run = async (): Promise<void> => {
        let heard: Awaited<ReturnType<typeof ask>> = 'listen';
        while (heard === 'listen' && goesOn(proven)) {
          const begun = clock.mono();
          heard = await ask(proven);
          const left = ROUND_MS - (clock.mono() - begun);
          if (heard === 'listen' && left > 0) await pause(left);
        }
        ended();
        if (heard === 'fetch' && goesOn(proven)) fetch();
      };
      run().catch(() => {
        // Whether the peer is gone the next exchange finds out; not sooner than in a second, should something in between hold no requests.
        clock.after(SECOND, () => {
          ended();
          if (goesOn(proven)) fetch();
        });
      });
    },
  };
};
