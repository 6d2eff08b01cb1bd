import type { PoolRow } from '@keyhaven/core/seats';
import { type Block, holderName, idOf, OWNER, type Request, rowOf, type SeatsState } from './seats-state.ts';

// The canonical text of a state: sets in order, ids as numbers, and the holders in the order of what they are in, for which of two equal
// computers is which makes no difference.

const numbered = (sessions: Iterable<string>, number: (session: string) => string): string => [...sessions].map(number).sort().join('');

export const keyOf = (state: SeatsState, ids: readonly (readonly string[])[]): string => {
  const parts = state.holders.map((of, holder) => {
    const names = ids[holder] ?? [];
    const number = (session: string): string => String(names.indexOf(session));
    const mine = (rows: ReadonlyMap<string, object>): string =>
      numbered(
        names.filter((id) => rows.has(rowOf(id))),
        number,
      );
    const request = (each: Request | undefined): string =>
      each === undefined
        ? ''
        : `${each.login === undefined ? '' : number(each.login)},${numbered(each.releases, number)},${each.list === undefined ? `${each.count}:${each.digest.toString('hex', 0, 4)}` : `l${numbered(each.list, number)}`}`;
    const block = (each: Block): string =>
      each.kind === 'renewed'
        ? `r${each.agreed ? 1 : 0}`
        : each.kind === 'gone'
          ? `g${numbered(each.sessions, number)}`
          : `${each.kind[0]}${number(each.session)}`;
    const peer = of.peers.get(OWNER);
    const lease = state.leases.get(holderName(holder));
    const doubts = [...(lease?.doubtful ?? [])].map(([id, until]) => `${number(id)}@${until}`).sort();
    const waits = state.pending
      .filter((each) => each.holder === holder)
      .map((each) => `${number(each.session)}${each.linked ? 'l' : ''}${each.granted ? 'g' : ''}`);
    return [
      mine(state.rows),
      mine(state.durable),
      waits.join(','),
      lease === undefined ? '' : `${lease.until} ${numbered(lease.sessions.ids(), number)} ${doubts.join(',')}`,
      peer === undefined ? '' : `${peer.sent ?? ''} ${peer.until ?? ''} ${numbered(peer.sessions.ids(), number)}`,
      numbered(of.stored, number),
      of.asks === undefined ? '' : `${number(of.asks)}${of.asked ? 'a' : ''}`,
      numbered(of.releases, number),
      `${of.lists ? 1 : 0}${of.listed ? 1 : 0}${of.linked ? 1 : 0}${of.post}`,
      request(of.request),
      request(of.late),
      (of.answer ?? []).map(block).join(','),
      of.outbox.map(block).join(','),
    ].join(';');
  });
  const local = [state.rows, state.durable].map((rows) => (rows.has(rowOf(idOf('local', 0))) ? 1 : 0));
  const waits = state.pending.filter((each) => each.holder === undefined).map((each) => (each.granted ? 'g' : 'r'));
  const pools = [state.rows, state.durable].map((rows) => (rows.get('1/pool/1.1') as PoolRow | undefined)?.used ?? 0);
  return `${state.up ? 1 : 0}|${local.join('')}|${waits.join()}|${state.here.size}|${pools.join()}|${parts.sort().join('|')}`;
};
