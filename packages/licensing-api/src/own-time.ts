import { LicensingError, Status } from '@keyhaven/core/errors';
import type { Surroundings } from './environment.ts';

// The time of one `createLicensing`, which ends with its `close`: no timer is left afterwards, and whoever pauses goes no further.

export type OwnTime = {
  /** Milliseconds on a clock that only counts forward. */
  now(): number;
  /** Milliseconds since 1970, as the computer's clock says it, which may be set. */
  wall(): number;
  /** Keeps the process alive. Rejects with the reason of `closed` when that comes first. */
  pause(milliseconds: number): Promise<void>;
  /** Runs `task` later, without keeping the process alive; the result cancels it. Never runs after `close`. */
  later(milliseconds: number, task: () => void): () => void;
  /** Runs `task` when everything that has arrived by now has been read. Never runs after `close`. */
  afterInput(task: () => void): void;
  /** Runs `task` when this is closed; the result takes it back. */
  whenClosed(task: (why: LicensingError) => void): () => void;
  /** Why nothing begins any more. */
  readonly closed: LicensingError | undefined;
  /** @returns the reason from now on */
  close(): LicensingError;
};

const closedError = (): LicensingError =>
  new LicensingError(Status.LOCAL_COMM_ERR, {
    detail: 'The application has closed its connections with close().',
    remedy: 'Call createLicensing again, and use what it returns.',
  });

export const createOwnTime = (time: Surroundings['time']): OwnTime => {
  const timers = new Set<() => void>(); // BOUNDED by the sessions that wait for their license manager
  const pauses = new Set<() => void>(); // BOUNDED by calls under way
  const closing = new Set<(why: LicensingError) => void>(); // BOUNDED by connections
  let closed: LicensingError | undefined;
  return {
    now: () => time.now(),
    wall: () => time.wall?.() ?? Date.now(),
    pause(milliseconds) {
      if (closed !== undefined) return Promise.reject(closed);
      return new Promise((done, failed) => {
        let cancel: (() => void) | undefined;
        const end = (): void => {
          cancel?.();
          failed(closed ?? closedError());
        };
        pauses.add(end);
        const over = (): void => {
          pauses.delete(end);
          done();
        };
        time
          .pause(milliseconds, (cancelling) => {
            cancel = cancelling;
          })
          .then(over, over);
      });
    },
    later(milliseconds, task) {
      if (closed !== undefined) return () => undefined;
      const cancel = time.later(milliseconds, () => {
        timers.delete(cancel);
        if (closed === undefined) task();
      });
      timers.add(cancel);
      return () => {
        timers.delete(cancel);
        cancel();
      };
    },
    afterInput(task) {
      const own = (): void => {
        if (closed === undefined) task();
      };
      if (time.afterInput === undefined) own();
      else time.afterInput(own);
    },
    whenClosed(task) {
      if (closed === undefined) closing.add(task);
      else task(closed);
      return () => closing.delete(task);
    },
    get closed() {
      return closed;
    },
    close() {
      if (closed !== undefined) return closed;
      const why = closedError();
      closed = why;
      for (const cancel of [...timers]) cancel();
      timers.clear();
      for (const end of [...pauses]) end();
      pauses.clear();
      for (const task of [...closing]) task(why);
      closing.clear();
      return why;
    },
  };
};
