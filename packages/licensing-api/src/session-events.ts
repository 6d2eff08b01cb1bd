import type { LicensingError } from '@keyhaven/core/errors';

// What a session tells of itself. Promised to listeners, in whatever order things happen inside:
// - `lost` without an error and `restored` alternate, beginning with `lost`: the way to the key is gone, the session is back;
// - `lost` with an error comes at most once, last, and says why the session has ended;
// - nothing comes while a logout is under way, nor after it;
// - a listener that throws disturbs neither the session nor the other listeners: the exception surfaces as an uncaught one.

export type Listener = (error?: LicensingError) => void;

export type SessionEvents = {
  on(event: 'lost' | 'restored', listener: Listener): void;
  /** The way to the key is gone. */
  away(): void;
  /** The session runs in a channel. */
  here(): void;
  ended(error: LicensingError): void;
  /** A logout is under way; the result is to be called where it failed. */
  mute(): () => void;
};

type State = { readonly kind: 'here' | 'away' } | { readonly kind: 'ended'; readonly error: LicensingError };

export const createSessionEvents = (): SessionEvents => {
  const listeners: { readonly event: 'lost' | 'restored'; readonly listener: Listener }[] = []; // BOUNDED by the application
  let now: State = { kind: 'here' };
  let told: State['kind'] = 'here';
  let muted = false;

  const emit = (event: 'lost' | 'restored', error?: LicensingError): void => {
    for (const each of [...listeners]) {
      if (each.event !== event) continue;
      try {
        if (error === undefined) each.listener();
        else each.listener(error);
      } catch (thrown) {
        queueMicrotask(() => {
          throw thrown;
        });
      }
    }
  };
  const tell = (): void => {
    if (muted || told === now.kind || told === 'ended') return;
    told = now.kind;
    switch (now.kind) {
      case 'here':
        return emit('restored');
      case 'away':
        return emit('lost');
      case 'ended':
        return emit('lost', now.error);
    }
  };
  const become = (next: State): void => {
    if (now.kind === 'ended') return;
    now = next;
    tell();
  };

  return {
    on: (event, listener) => void listeners.push({ event, listener }),
    away: () => become({ kind: 'away' }),
    here: () => become({ kind: 'here' }),
    ended: (error) => become({ kind: 'ended', error }),
    mute() {
      muted = true;
      return () => {
        muted = false;
        tell();
      };
    },
  };
};
