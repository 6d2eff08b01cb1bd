import type { GrantEnd } from '@keyhaven/core/session';
import type { Alarms } from './alarms.ts';

// When the license of a session ends, told to the application (K8, A4), also where it makes no call. The key's license manager says what time it is;
// from then on only the clock of this process that counts forward is asked. Before anything is told that nobody asked for, the key is asked again: the license may
// have been renewed. It is also asked where the computer slept or its clock was set forward.

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
  /** The session has ended: nothing is told any more. */
  stop(): void;
};
export type ExpiryOptions = {
  readonly now: () => number;
  readonly withinMs: number;
  readonly alarms: Alarms;
  /** Asks the key; what it says is learned. May reject. */
  readonly ask: () => Promise<unknown>;
};

type Stage = 'far' | 'soon' | 'grace';

export const createExpiry = ({ now, withinMs, alarms, ask }: ExpiryOptions): Expiry => {
  const listeners: ((expiring: Expiring) => void)[] = []; // BOUNDED by the application
  let known: { readonly end: GrantEnd; readonly offset: number } | undefined;
  let told: Stage = 'far';
  let stopped = false;
  let cancel = (): void => undefined;

  const at = (): { readonly stage: Stage; readonly expiring: Expiring } | undefined => {
    if (known === undefined) return undefined;
    const { ends, last } = known.end;
    const remainingMs = ends - (now() + known.offset);
    const stage = remainingMs < 0 ? 'grace' : remainingMs <= withinMs ? 'soon' : 'far';
    return { stage, expiring: { ends: new Date(ends), graceEnds: new Date(last), inGrace: remainingMs < 0, remainingMs } };
  };
  const tell = (listener: (expiring: Expiring) => void, expiring: Expiring): void => {
    try {
      listener(expiring);
    } catch (thrown) {
      // It disturbs neither the session nor other listeners, and surfaces as an uncaught one.
      queueMicrotask(() => {
        throw thrown;
      });
    }
  };
  const look = (): void => {
    if (known === undefined || stopped) return;
    const found = at();
    if (found === undefined || found.stage === told) return;
    told = found.stage;
    if (told !== 'far') for (const listener of listeners) tell(listener, found.expiring);
    arm();
  };
  const askAndLook = (): void => {
    const settled = (): void => {
      look();
      arm();
    };
    ask().then(settled, settled);
  };
  function arm(): void {
    cancel();
    cancel = () => undefined;
    if (known === undefined || stopped || listeners.length === 0 || told === 'grace') return;
    const { end, offset } = known;
    // The first moment at which `at` is in the next stage.
    const next = (told === 'far' ? end.ends - withinMs : end.ends + 1) - offset;
    cancel = alarms.set({ at: next, ring: askAndLook, leapt: askAndLook });
  }
  return {
    learn(end) {
      known = end === undefined ? undefined : { end, offset: end.now - now() };
      if (known === undefined) told = 'far';
      look();
      arm();
    },
    look,
    listen(listener) {
      look();
      listeners.push(listener);
      arm();
      if (told === 'far') return;
      queueMicrotask(() => {
        const found = at();
        if (found !== undefined && found.stage !== 'far' && !stopped) listener(found.expiring);
      });
    },
    stop() {
      stopped = true;
      arm();
    },
  };
};
