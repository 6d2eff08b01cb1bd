// A binary heap of what is to happen: by time, and in the order of adding where the time is the same (I7).

export type Moment = { readonly at: number; readonly order: number };
export type Heap<T extends Moment> = { push(item: T): void; peek(): T | undefined; pop(): T | undefined };

const before = (a: Moment, b: Moment): boolean => a.at < b.at || (a.at === b.at && a.order < b.order);

export const createHeap = <T extends Moment>(): Heap<T> => {
  const items: T[] = [];
  return {
    peek: () => items[0],
    push(item) {
      let index = items.length;
      items.push(item);
      while (index > 0) {
        const parent = (index - 1) >> 1;
        const above = items[parent];
        if (above === undefined || !before(item, above)) break;
        items[index] = above;
        index = parent;
      }
      items[index] = item;
    },
    pop() {
      const [first] = items;
      const last = items.pop();
      if (first === undefined || last === undefined || items.length === 0) return first;
      let index = 0;
      for (;;) {
        let child = 2 * index + 1;
        let below = items[child];
        if (below === undefined) break;
        const right = items[child + 1];
        if (right !== undefined && before(right, below)) {
          child += 1;
          below = right;
        }
        if (!before(below, last)) break;
        items[index] = below;
        index = child;
      }
      items[index] = last;
      return first;
    },
  };
};
