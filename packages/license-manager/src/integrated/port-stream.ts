import { Duplex } from 'node:stream';
import type { MessagePort } from 'node:worker_threads';

// The bytes of a connection between two threads: the same stream as a socket would carry (T1), with the same brake where the other end does
// not read. Both ends are of this class.

/** BOUNDED: bytes that the other end has not taken yet; then writing waits. */
const MAX_UNTAKEN = 1024 * 1024;

type Message = { readonly bytes: Uint8Array } | { readonly taken: number } | { readonly end: true };

export class PortStream extends Duplex {
  readonly #port: MessagePort;
  #untaken = 0;
  #held: (() => void) | undefined;
  /** Bytes that were handed over while the reader was full. */
  #owed = 0;

  constructor(port: MessagePort) {
    super();
    this.#port = port;
    port.on('message', (message: Message) => this.#take(message));
    port.on('close', () => this.destroy());
  }

  #post(message: Message, transfer: readonly ArrayBuffer[] = []): void {
    this.#port.postMessage(message, transfer);
  }

  #take(message: Message): void {
    if (this.destroyed) return;
    if ('bytes' in message) {
      const { length } = message.bytes;
      if (this.push(message.bytes)) this.#post({ taken: length });
      else this.#owed += length;
    } else if ('taken' in message) {
      this.#untaken -= message.taken;
      if (this.#untaken > MAX_UNTAKEN) return;
      const held = this.#held;
      this.#held = undefined;
      held?.();
    } else this.push(null);
  }

  override _read(): void {
    if (this.#owed === 0) return;
    this.#post({ taken: this.#owed });
    this.#owed = 0;
  }

  override _write(chunk: Uint8Array, _encoding: BufferEncoding, done: () => void): void {
    // A copy of its own: what is posted moves to the other thread with all of its buffer.
    const bytes = new Uint8Array(chunk);
    this.#untaken += bytes.length;
    this.#post({ bytes }, [bytes.buffer]);
    if (this.#untaken > MAX_UNTAKEN) this.#held = done;
    else done();
  }

  override _final(done: () => void): void {
    this.#post({ end: true });
    done();
  }

  override _destroy(error: Error | null, done: (error: Error | null) => void): void {
    this.#port.close();
    done(error);
  }

  /** As of a socket: nothing is waited for here that a time could limit. */
  setTimeout(): this {
    return this;
  }
  ref(): this {
    this.#port.ref();
    return this;
  }
  unref(): this {
    this.#port.unref();
    return this;
  }
}
