import { Duplex } from 'node:stream';
import type { Life, Timeline } from './timeline.ts';

// TCP on one computer, simulated: two ends, bytes in order, and the end of one process seen by the other a little later.

export class SimSocket extends Duplex {
  other: SimSocket | undefined;
  readonly #timeline: Timeline;
  readonly #life: Life;
  readonly #delay: () => number;
  #busyUntil = 0;
  #told = false;

  constructor(timeline: Timeline, life: Life, delay: () => number) {
    super({ allowHalfOpen: false });
    this.#timeline = timeline;
    this.#life = life;
    this.#delay = delay;
  }

  /** The process at this end is gone: the system closes for it. */
  cut(): void {
    this.#tell((other) => other.destroy());
  }
  setTimeout(_milliseconds: number, _task?: () => void): this {
    return this; // The world has no connection that is neither accepted nor refused.
  }
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }

  override _read(): void {
    // Bytes are pushed when they come.
  }
  override _write(chunk: Uint8Array, _encoding: string, done: () => void): void {
    const copy = Uint8Array.from(chunk);
    this.#later((other) => other.push(copy));
    done();
  }
  override _final(done: () => void): void {
    this.#later((other) => other.push(null));
    done();
  }
  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#tell((other) => other.destroy());
    done(error);
  }

  #tell(task: (other: SimSocket) => void): void {
    if (this.#told) return;
    this.#told = true;
    this.#later(task);
  }
  #later(task: (other: SimSocket) => void): void {
    const { other } = this;
    if (other === undefined) return;
    this.#busyUntil = Math.max(this.#busyUntil, this.#timeline.now + this.#delay());
    this.#timeline.at(this.#busyUntil, other.#life, () => {
      if (!other.destroyed) task(other);
    });
  }
}

export const socketPair = (timeline: Timeline, near: Life, far: Life, delay: () => number): readonly [SimSocket, SimSocket] => {
  const [a, b] = [new SimSocket(timeline, near, delay), new SimSocket(timeline, far, delay)];
  a.other = b;
  b.other = a;
  return [a, b];
};
