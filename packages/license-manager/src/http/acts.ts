import type { Acts } from '../acts/index.ts';
import type { Caller, Route } from './route.ts';

// Every administrative act over HTTP is in the audit (C5; acts/). What a route needs says whether it is one, so that none is forgotten; what it changes is
// told besides, in the transaction that changes it.

const isAct = ({ need }: Route): boolean => need === 'write' || need === 'configure';

/** The same routes, whose acts are done between their intent and their end. What is wrong in the request itself comes before either. */
export const withActs = (routes: readonly Route[], perform: Acts['perform']): Route[] =>
  routes.map((route) => {
    if (!isAct(route)) return route;
    const actOf = (target: string, { authenticated, address }: Caller): Parameters<Acts['perform']>[0] => ({
      act: `${route.method} ${target.split('?', 1)[0] ?? ''}`,
      by: authenticated ? 'administrator' : 'local user',
      address,
    });
    return { ...route, run: (asked) => perform(actOf(asked.target, asked.caller), () => route.run(asked)) };
  });
