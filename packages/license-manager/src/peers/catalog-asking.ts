import type { Catalog } from '@keyhaven/core/admin';
import { type CatalogBlock, type CatalogRoom, createKnownCatalog } from './known-catalog.ts';
import type { ToSend } from './link-caller.ts';

// Questions for the catalog of one other LM, and who waits for the answers. Those that wait for the same POST are one.

export type CatalogAsking = {
  readonly keys: Catalog;
  /** Whether something was told once. */
  readonly told: boolean;
  /** Whether somebody waits for an answer. */
  readonly awaited: boolean;
  /** Asks in the next POST; with `fresh` for the seats in use, too. */
  ask(fresh: boolean): void;
  /** Resolves when this question was answered, or the link broke. */
  answered(fresh: boolean): Promise<void>;
  /** What nobody asked for is not even read: undefined. `news`: the keys are different, or told for the first time. */
  take(linkVersion: number, block: CatalogBlock): 'news' | 'nothing new' | 'more' | undefined;
  /** Whoever waited for what was taken goes on. */
  settled(): void;
  /** The peer says that it has answered everything: what it did not answer it will not. */
  complete(): void;
  /** Questions that were not answered are lost. */
  broken(): void;
  close(): void;
};

/** `hears`: this LM listens for notifications of changes. */
export const createCatalogAsking = (room: CatalogRoom, hears: boolean, send: (question: ToSend) => void): CatalogAsking => {
  const known = createKnownCatalog(room);
  /** A question waits for the next POST. */
  let waits: 'no' | 'yes' | 'fresh' = 'no';
  let [asked, answered] = [0, 0];
  let waiting: { readonly for: number; readonly done: () => void }[] = []; // BOUNDED by who asks here

  const settle = (upTo: number): void => {
    const ready = waiting.filter((each) => each.for <= upTo);
    waiting = waiting.filter((each) => each.for > upTo);
    for (const { done } of ready) done();
  };
  const ask = (fresh: boolean): void => {
    const already = waits !== 'no';
    if (waits !== 'fresh') waits = fresh ? 'fresh' : 'yes';
    if (already) return;
    send((linkVersion) => {
      const question = known.question(linkVersion, waits === 'fresh', hears);
      waits = 'no';
      asked += 1;
      return question;
    });
  };
  const broken = (): void => {
    waits = 'no';
    answered = asked;
    settle(Number.POSITIVE_INFINITY);
  };
  return {
    get keys() {
      return known.keys;
    },
    get told() {
      return known.told;
    },
    get awaited() {
      return waiting.length > 0;
    },
    ask,
    answered(fresh) {
      const result = new Promise<void>((done) => void waiting.push({ for: asked + 1, done }));
      ask(fresh);
      return result;
    },
    take(linkVersion, block) {
      if (asked === answered) return undefined;
      const news = known.take(linkVersion, block);
      if (news === undefined) return 'more';
      answered += 1;
      return news;
    },
    settled: () => settle(answered),
    complete() {
      if (answered === asked) return;
      answered = asked;
      known.abandon();
      settle(answered);
    },
    broken,
    close() {
      broken();
      known.close();
    },
  };
};
