import { Buffer } from 'node:buffer';

/** A set of 16-byte session ids with the XOR of all of them: two LMs compare count and digest instead of the whole list (R8). */
export class SessionSet {
  readonly #ids = new Map<string, Uint8Array>(); // BOUNDED by the seats of the owner's keys
  readonly #digest = Buffer.alloc(16);

  get size(): number {
    return this.#ids.size;
  }
  get digest(): Buffer {
    return Buffer.from(this.#digest);
  }
  has(id: string): boolean {
    return this.#ids.has(id);
  }
  /** @param id in hex */
  add(id: string): void {
    if (!this.#ids.has(id)) this.#ids.set(id, this.#flip(id));
  }
  delete(id: string): boolean {
    if (!this.#ids.delete(id)) return false;
    this.#flip(id);
    return true;
  }
  ids(): IterableIterator<string> {
    return this.#ids.keys();
  }
  bytes(): Uint8Array[] {
    return [...this.#ids.values()];
  }
  same(count: number, digest: Uint8Array): boolean {
    return count === this.size && this.#digest.equals(digest);
  }

  #flip(id: string): Buffer {
    const bytes = Buffer.from(id, 'hex');
    for (let i = 0; i < 16; i++) this.#digest[i] = (this.#digest[i] ?? 0) ^ (bytes[i] ?? 0);
    return bytes;
  }
}
