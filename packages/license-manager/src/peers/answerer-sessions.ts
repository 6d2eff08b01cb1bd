import { Buffer } from 'node:buffer';
import { sinceVersion } from '@keyhaven/core/link';
import type { Authority } from '../authority/index.ts';
import { type Link, push } from './answerer-links.ts';

/**
 * Tells the LM of an application what a session of that application uses (K31), where the link is new enough. Of sessions that another LM answers for
 * nothing is told.
 */
export const pushFacts = (authority: Pick<Authority, 'session'>, link: Link, id: string): void => {
  if (link.keys.version < sinceVersion('session')) return;
  const session = authority.session(id);
  if (session === undefined || session.ending !== undefined || session.row.holder !== link.keys.peer.guid) return;
  const { pool, row } = session;
  push(link, { kind: 'session', session: Buffer.from(id, 'hex'), ...pool, seats: row.seats, since: row.since });
};
