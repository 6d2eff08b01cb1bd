import type { Wall } from '@keyhaven/core/time';
import type { Decision, Row, RowKey } from './port.ts';
import type { CommitOrder } from './sqlite-protocol.ts';

// What is decided and shares one commit. It remembers each row as it was before the batch, so that a batch the disk refused is undone
// on the rows in memory, and it writes a row that changed several times once.

/** `id` is SQLite's row id. */
export type Entry = { readonly id: number; readonly row: Row };
export type Waiter = { readonly resolve: () => void; readonly reject: (error: unknown) => void };

type Touched = { readonly before: Entry | undefined; after: Entry | undefined; text: string };

function textOf(value: object): string {
  const text: string | undefined = JSON.stringify(value);
  if (text === undefined) throw new TypeError('a row or an audit detail is not JSON');
  return text;
}

export class Batch {
  /** In the order of their decisions; also those that changed nothing but saw what this batch writes. */
  readonly waiters: Waiter[] = [];
  /** The number of the first audit entry. */
  readonly first: number;
  readonly #entries: string[] = [];
  readonly #touched = new Map<RowKey, Touched>();

  constructor(first: number) {
    this.first = first;
  }

  get size(): number {
    return this.#touched.size + this.#entries.length;
  }

  /** Takes the decision in and applies it to `rows`; throws, before anything is changed, for what is not JSON. */
  add({ changes, audit }: Decision<unknown>, at: Wall, rows: Map<RowKey, Entry>, nextId: () => number): void {
    const texts = changes.map(({ row }) => (row === undefined ? '' : textOf(row)));
    const entries = audit.map(({ kind, scope, detail }) => textOf([at, kind, scope, detail]));
    changes.forEach(({ key, row }, index) => {
      const current = rows.get(key);
      const touched = this.#touched.get(key);
      const after = row === undefined ? undefined : { id: (current ?? touched?.before)?.id ?? nextId(), row };
      const text = texts[index] ?? '';
      if (touched === undefined) this.#touched.set(key, { before: current, after, text });
      else {
        touched.after = after;
        touched.text = text;
      }
      put(rows, key, after);
    });
    this.#entries.push(...entries);
  }

  order(): CommitOrder {
    const order: CommitOrder = {
      kind: 'commit',
      inserted: { ids: [], keys: [], texts: [] },
      replaced: { ids: [], keys: [], texts: [] },
      deleted: { ids: [], keys: [] },
      audit: {
        first: this.first,
        count: this.#entries.length,
        entries: `[${this.#entries.join(',')}]`,
        lengths: this.#entries.map(({ length }) => length),
      },
    };
    for (const [key, { before, after, text }] of this.#touched) {
      if (after !== undefined) {
        const columns = before === undefined ? order.inserted : order.replaced;
        columns.ids.push(after.id);
        columns.keys.push(key);
        columns.texts.push(text);
      } else if (before !== undefined) {
        order.deleted.ids.push(before.id);
        order.deleted.keys.push(key);
      }
    }
    return order;
  }

  undo(rows: Map<RowKey, Entry>): void {
    for (const [key, { before }] of this.#touched) put(rows, key, before);
  }
}

function put(rows: Map<RowKey, Entry>, key: RowKey, entry: Entry | undefined): void {
  if (entry === undefined) rows.delete(key);
  else rows.set(key, entry);
}
