import { createBucket } from '@keyhaven/core/discovery';
import { type Clock, SECOND } from '@keyhaven/core/time';

// Datagrams that say that the keys of an LM have changed cost it nothing and this computer a question (D16): the first ones are followed at once,
// later ones not as often as they come. The last one is always followed.

/** An honest LM sends no more (D15). */
const FOLLOWED = { burst: 10, perSecond: 2 };

export type Following = {
  hint(): void;
  /** It says that it stops: it is asked itself, once more when it has had the time to. */
  stopped(): void;
  close(): void;
};

export const createFollowing = (clock: Clock, follow: () => void): Following => {
  const bucket = createBucket(FOLLOWED);
  let waiting: (() => void) | undefined;
  const hint = (): void => {
    if (waiting !== undefined) return;
    const now = clock.mono();
    if (bucket.take(now)) return follow();
    waiting = clock.after(bucket.readyAt(now) - now, () => {
      waiting = undefined;
      hint();
    });
  };
  return {
    hint,
    stopped() {
      hint();
      clock.after(2 * SECOND, hint);
    },
    close: () => waiting?.(),
  };
};
