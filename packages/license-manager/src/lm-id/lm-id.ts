import type { Duplicate, LmStatus } from '@keyhaven/core/admin';
import type { Entropy } from '@keyhaven/core/crypto';
import type { LmIdentity } from '@keyhaven/core/link';
import { isLinked, type SessionRow } from '@keyhaven/core/seats';
import type { Ledger } from '@keyhaven/ledger';
import { adoptIdentity, dropNextIdentity, type MachineSeal, prepareIdentity, readNextIdentity } from '../machine/index.ts';

// "Create new LM id": another GUID for a license manager that has the one of another computer, because its state was copied (R5). Keys are sealed to
// the computer and not to the GUID, and applications here are served as before. Sessions over the network, however, are bound to it: what others
// hold here, and what applications here hold elsewhere. So the new one is taken at the first start at which there is no such session; or at the
// next one, where the administrator says so: those sessions end, and their seats are free after their lease.

/** BOUNDED: earlier GUIDs by which applications that come back may call this license manager. */
const MAX_FORMER = 16;
const ROW = 'lm/lm/former';
type FormerRow = { readonly guids: readonly string[] };

export type NewId = { readonly guid: string; readonly waitsFor: number };
export type LmId = {
  /** What this license manager is from this start on. */
  readonly self: LmIdentity;
  /** What it was before. */
  readonly former: ReadonlySet<string>;
  /** What waits for a start; undefined = nothing. */
  pending(): NewId | undefined;
  /** Makes one, or tells of the one that waits. `now`: at the next start, whatever sessions there are. */
  create(now: boolean): Promise<NewId>;
};

/** What a status says of it; nothing where all is well. */
export const aboutIdentity = (duplicates: readonly Duplicate[], newId: NewId | undefined): Pick<LmStatus, 'duplicates' | 'newId'> => ({
  ...(duplicates.length === 0 ? {} : { duplicates }),
  ...(newId === undefined ? {} : { newId }),
});

/** Sessions over the network that the ledger has. */
const crossingIn = async (ledger: Ledger): Promise<number> => {
  let count = 0;
  for await (const [name, row] of ledger.scan<SessionRow>('')) {
    const [scope, kind] = name.split('/');
    if (scope === 'lm' ? kind === 'forwarded' : kind === 'session' && isLinked(row.holder)) count += 1;
  }
  return count;
};

export const openLmId = async (options: {
  readonly directory: string;
  readonly seal: MachineSeal;
  readonly identity: LmIdentity;
  readonly ledger: Ledger;
  readonly entropy: Entropy;
  /** Sessions over the network, now. */
  readonly crossing: () => number;
  readonly onEvent: (event: { readonly level: 'info' | 'warn'; readonly event: string; readonly [detail: string]: unknown }) => void;
}): Promise<LmId> => {
  const { directory, seal, identity, ledger, entropy, onEvent } = options;
  let former: readonly string[] = [];
  for await (const [, row] of ledger.scan<FormerRow>(ROW)) former = row.guids;
  let next = readNextIdentity(directory, seal);
  const waiting = (): NewId | undefined => next && { guid: next.identity.guid, waitsFor: next.now ? 0 : options.crossing() };

  const take = async (): Promise<LmIdentity> => {
    if (next === undefined) return identity;
    if (next.identity.guid === identity.guid) {
      // A crash came between the two steps of taking it.
      await dropNextIdentity(directory);
      next = undefined;
      return identity;
    }
    const crossing = next.now ? 0 : await crossingIn(ledger);
    if (crossing > 0) {
      onEvent({ level: 'warn', event: 'the new LM id waits for sessions over the network', guid: next.identity.guid, sessions: crossing });
      return identity;
    }
    const taken = next;
    const guids = [...new Set([identity.guid, ...former])].slice(0, MAX_FORMER);
    const detail = { before: identity.guid, guid: taken.identity.guid };
    await ledger.update([ROW], () => ({
      changes: [{ key: ROW, row: { guids } }],
      audit: [{ kind: 'new LM id', scope: 'lm', detail }],
      reply: undefined,
    }));
    await adoptIdentity(directory, seal, taken);
    former = guids;
    next = undefined;
    onEvent({ level: 'info', event: 'this license manager has a new LM id', ...detail });
    return taken.identity;
  };
  const self = await take();

  return {
    self,
    former: new Set(former.filter((guid) => guid !== self.guid)),
    pending: waiting,
    async create(now) {
      next = await prepareIdentity(directory, seal, entropy, now);
      const made = { guid: next.identity.guid, waitsFor: next.now ? 0 : options.crossing() };
      onEvent({ level: 'info', event: 'a new LM id waits for the next start', ...made });
      return made;
    },
  };
};
