import { type Clock, MINUTE, SECOND } from '@keyhaven/core/time';
import type { AddressesOf } from '@keyhaven/core/users';
import type { Resolve } from '../net/index.ts';

// The host names in "Access from Remote Clients" and the addresses that they have. Looked up before the first question where the name servers
// answer in time, kept, and looked up again while the license manager runs; a question never waits. A name that has no address is nobody.

/** BOUNDED: lookups at a time. The system does them in threads that files and other names need, too. */
const AT_A_TIME = 2;
const AGAIN_MS = 5 * MINUTE;
/** While one of the names has no answer. */
const SOON_MS = MINUTE;
/** For so long new rules wait for the names in them. */
const FIRST_LOOKUP_MS = 3 * SECOND;

export type RuleNames = {
  readonly addressesOf: AddressesOf;
  /** These names from now on. Resolves when each was looked up, at most after FIRST_LOOKUP_MS. */
  follow(names: readonly string[]): Promise<void>;
  /** Whether something is known of all of them already. */
  knows(names: readonly string[]): boolean;
  close(): void;
};

/** There is no such name, or it has no address: as opposed to a name server that does not answer. */
const isNobody = (error: unknown): boolean =>
  error instanceof Error && 'code' in error && (error.code === 'ENOTFOUND' || error.code === 'ENODATA');

export type RuleNameOptions = {
  readonly clock: Clock;
  readonly resolve: Resolve;
  /** A name has no address; told once until it has one again. */
  readonly onNobody: (name: string, error: unknown) => void;
};

export const createRuleNames = (options: RuleNameOptions): RuleNames => {
  const { clock, resolve, onNobody } = options;
  const known = new Map<string, readonly string[]>(); // BOUNDED by the rules
  const told = new Set<string>(); // BOUNDED by the rules
  let wanted: readonly string[] = [];
  let round = 0;
  let cancel = (): void => undefined;

  const lookUp = async (name: string): Promise<boolean> => {
    try {
      const addresses = await resolve(name);
      if (addresses.length === 0) throw Object.assign(new Error('no address'), { code: 'ENODATA' });
      known.set(name, addresses);
      told.delete(name);
      return true;
    } catch (error) {
      // Of a name server that is down for a while, what it said last.
      if (isNobody(error) || !known.has(name)) known.set(name, []);
      if (!told.has(name)) onNobody(name, error);
      told.add(name);
      return false;
    }
  };

  const lookUpAll = async (): Promise<void> => {
    round += 1;
    const mine = round;
    const left = [...wanted];
    let all = true;
    const worker = async (): Promise<void> => {
      for (let name = left.shift(); name !== undefined && mine === round; name = left.shift()) all = (await lookUp(name)) && all;
    };
    await Promise.all(Array.from({ length: AT_A_TIME }, worker));
    if (mine !== round || wanted.length === 0) return;
    cancel = clock.after(all ? AGAIN_MS : SOON_MS, () => void lookUpAll());
  };

  return {
    addressesOf: (name) => known.get(name) ?? [],
    knows: (names) => names.every((name) => known.has(name)),
    follow(names) {
      cancel();
      wanted = names;
      for (const name of [...known.keys()]) if (!names.includes(name)) known.delete(name);
      for (const name of told) if (!names.includes(name)) told.delete(name);
      const all = lookUpAll();
      let late = (): void => undefined;
      const waited = new Promise<void>((done) => {
        late = clock.after(FIRST_LOOKUP_MS, done);
      });
      return Promise.race([all, waited]).finally(() => late());
    },
    close() {
      round += 1;
      cancel();
    },
  };
};
