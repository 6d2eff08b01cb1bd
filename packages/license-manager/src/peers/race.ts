import type { Clock } from '@keyhaven/core/time';
import { sameAddress } from './address-book.ts';
import { type PeerAddress, PeerRefusal } from './post.ts';

// Happy eyeballs (RFC 8305 section 5) over the addresses that discovery found: the next one is tried when the one before has not succeeded within a
// quarter of a second, or as soon as it failed, and the first success is taken.

export const STAGGER_MS = 250;

export type Won<T> = { readonly address: PeerAddress; readonly value: T };

/**
 * `addresses` is asked anew before each attempt, so that what is found meanwhile is tried as well; none twice. `onFailed` is told of each attempt that
 * failed before one succeeded.
 * @throws what the attempts failed with: a refusal by somebody who answered rather than a failure to reach anybody, the first one of these
 */
export const race = <T>(
  clock: Clock,
  addresses: () => readonly PeerAddress[],
  attempt: (address: PeerAddress) => Promise<T>,
  onFailed: (address: PeerAddress) => void,
): Promise<Won<T>> =>
  new Promise((resolve, reject) => {
    const tried: PeerAddress[] = []; // BOUNDED by the addresses of one peer
    const errors: Error[] = []; // BOUNDED likewise
    let settled = false;
    let cancel = (): void => undefined;

    const settle = (act: () => void): void => {
      if (settled) return;
      settled = true;
      cancel();
      act();
    };
    const begin = (): void => {
      cancel();
      if (settled) return;
      const address = addresses().find((each) => !tried.some((other) => sameAddress(other, each)));
      if (address === undefined) {
        if (errors.length === tried.length) settle(() => reject(errors.find(isAnswer) ?? errors[0] ?? new Error('no address is known')));
        // While the last ones are under way, another address may be found.
        else cancel = clock.after(STAGGER_MS, begin);
        return;
      }
      tried.push(address);
      cancel = clock.after(STAGGER_MS, begin);
      attempt(address).then(
        (value) => settle(() => resolve({ address, value })),
        (error: unknown) => {
          errors.push(error instanceof Error ? error : new Error(String(error)));
          if (settled) return;
          onFailed(address);
          begin();
        },
      );
    };
    begin();
  });

/** Whether it comes from somebody who answered. */
const isAnswer = (error: Error): boolean => error instanceof PeerRefusal || error.cause instanceof PeerRefusal;
