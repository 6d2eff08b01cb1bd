import type { GrantEnd } from '@keyhaven/core/session';

// When the license of a session ends, told to the application (K8, A4). There is no timer: it is looked at when the session begins, at each of
// its calls, and when somebody begins to listen. The key's license manager says what time it is; from then on only the clock of this
// process that counts forward is asked.

/** A license that ends soon, or has ended and is in its days of grace. */
export type Expiring = {
  readonly ends: Date;
  /** The last moment at which logins are granted; `ends` where there is no grace. */
  readonly graceEnds: Date;
  readonly inGrace: boolean;
  /** Until `ends`; negative afterwards. */
  readonly remainingMs: number;
};
export type Expiry = {
  /** What the key says; undefined where time does not end the license. */
  learn(end: GrantEnd | undefined): void;
  look(): void;
  listen(listener: (expiring: Expiring) => void): void;
};

type Stage = 'far' | 'soon' | 'grace';

export const createExpiry = (now: () => number, withinMs: number): Expiry => {
  const listeners: ((expiring: Expiring) => void)[] = []; // BOUNDED by the application
  let known: { readonly end: GrantEnd; readonly offset: number } | undefined;
  let told: Stage = 'far';

  const at = (): { readonly stage: Stage; readonly expiring: Expiring } | undefined => {
    if (known === undefined) return undefined;
    const { ends, last } = known.end;
    const remainingMs = ends - (now() + known.offset);
    const stage = remainingMs < 0 ? 'grace' : remainingMs <= withinMs ? 'soon' : 'far';
    return { stage, expiring: { ends: new Date(ends), graceEnds: new Date(last), inGrace: remainingMs < 0, remainingMs } };
  };
  const look = (): void => {
    if (known === undefined) return;
    const found = at();
    if (found === undefined || found.stage === told) return;
    told = found.stage;
    if (told !== 'far') for (const listener of listeners) listener(found.expiring);
  };
  return {
    learn(end) {
      known = end === undefined ? undefined : { end, offset: end.now - now() };
      if (known === undefined) told = 'far';
      look();
    },
    look,
    listen(listener) {
      look();
      listeners.push(listener);
      if (told === 'far') return;
      queueMicrotask(() => {
        const found = at();
        if (found !== undefined && found.stage !== 'far') listener(found.expiring);
      });
    },
  };
};
