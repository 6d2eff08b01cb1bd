import { Duplex } from 'node:stream';
import type { Life, Timeline } from '../world/index.ts';

// One connection between an application and its LM on simulated time: bytes take a millisecond each way, and somebody may listen.

/** How long bytes are on their way. */
export const WAY_MS = 1;

export type SocketEvents = { wrote(bytes: Uint8Array): void; closed(): void };

export class TapeSocket extends Duplex {
  other: TapeSocket | undefined;
  readonly #timeline: Timeline;
  readonly #life: Life;
  readonly #events: SocketEvents;
  #told = false;

  constructor(timeline: Timeline, life: Life, events: SocketEvents) {
    super({ allowHalfOpen: false });
    this.#timeline = timeline;
    this.#life = life;
    this.#events = events;
  }

  setTimeout(_milliseconds: number, _task?: () => void): this {
    return this; // Nothing is slow here.
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
    this.#events.wrote(copy);
    this.#later((other) => other.push(copy));
    done();
  }
  override _final(done: () => void): void {
    this.#close();
    done();
  }
  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#close();
    done(error);
  }

  #close(): void {
    if (this.#told) return;
    this.#told = true;
    this.#events.closed();
    this.#later((other) => {
      // What the other end closes afterwards is no news of its own.
      other.#told = true;
      other.push(null);
      other.destroy();
    });
  }
  #later(task: (other: TapeSocket) => void): void {
    const { other } = this;
    if (other === undefined) return;
    this.#timeline.after(WAY_MS, this.#life, () => {
      if (!other.destroyed) task(other);
    });
  }
}

/** `near` is the application's end. */
export const tapePair = (timeline: Timeline, life: Life, near: SocketEvents, far: SocketEvents): readonly [TapeSocket, TapeSocket] => {
  const [application, lm] = [new TapeSocket(timeline, life, near), new TapeSocket(timeline, life, far)];
  application.other = lm;
  lm.other = application;
  return [application, lm];
};
