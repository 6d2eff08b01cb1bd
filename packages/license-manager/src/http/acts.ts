import { LicensingError, Status } from '@keyhaven/core/errors';
import type { Caller, Route } from './route.ts';

// Every administrative act is in the audit with who, from where, what and how it ended (C5). What a route needs says whether it is one, so that none is
// forgotten; what it changes is told besides, in the transaction that changes it.

export type Act = {
  /** Method and path as they were asked, without the query. */
  readonly act: string;
  /** With the password, or as a user of this computer without it. */
  readonly by: 'administrator' | 'local user';
  readonly address: string;
  /** Of the catalogue; 0 = done. */
  readonly status: number;
  readonly cause?: string;
};

/** BOUNDED: characters of what is said. */
const MOST = 300;

const isAct = ({ need }: Route): boolean => need === 'write' || need === 'configure';

const endOf = (error: unknown): Pick<Act, 'status' | 'cause'> => ({
  status: error instanceof LicensingError ? error.status : Status.INT_ERR,
  cause: (error instanceof Error ? error.message : String(error)).slice(0, MOST),
});

/** The same routes, whose acts are told when they are over, also those that were refused. An answer waits until its act is written down. */
export const withActs = (routes: readonly Route[], acted: (act: Act) => Promise<void>): Route[] =>
  routes.map((route) => {
    if (!isAct(route)) return route;
    const told = (target: string, { authenticated, address }: Caller, end: Pick<Act, 'status' | 'cause'>): Promise<void> => {
      const path = target.split('?', 1)[0] ?? '';
      return acted({ act: `${route.method} ${path.slice(0, MOST)}`, by: authenticated ? 'administrator' : 'local user', address, ...end });
    };
    return {
      ...route,
      async run(asked) {
        const answer = await Promise.resolve()
          .then(() => route.run(asked))
          .catch(async (error: unknown) => {
            await told(asked.target, asked.caller, endOf(error));
            throw error;
          });
        await told(asked.target, asked.caller, { status: Status.OK });
        return answer;
      },
    };
  });
