import { Buffer } from 'node:buffer';
import { sameBytes } from '@keyhaven/core/bytes';
import { hmac } from '@keyhaven/core/crypto';
import { restHolder } from '@keyhaven/core/seats';
import type { LiveSession } from '../authority/index.ts';
import type { Key } from '../keystore/index.ts';

// `lmAccessToken` (C6): with it a client goes on with its session without signing. It is made of the secret of the key, so that nothing is stored and a
// restart changes nothing; it is for one session, of one identity, at the address from which that one logged in.

const TOKEN = Buffer.from('rest access token\0', 'latin1');

const tokenOf = (key: Pick<Key, 'tokenKey'>, { id, row }: LiveSession): Buffer =>
  hmac(key.tokenKey, Buffer.concat([TOKEN, Buffer.from(`${id} ${row.holder}`, 'utf8')]));

/** undefined where whoever asks from there is not the holder of the session as it logged in. */
export const accessTokenFor = (
  key: Pick<Key, 'tokenKey'>,
  session: LiveSession,
  asker: { readonly identity: string; readonly place: string | undefined },
): string | undefined =>
  session.row.holder === restHolder(asker.identity, asker.place) ? tokenOf(key, session).toString('base64url') : undefined;

/** Takes the same time for every wrong token. */
export const isAccessToken = (key: Pick<Key, 'tokenKey'>, session: LiveSession, token: string): boolean =>
  sameBytes(tokenOf(key, session), Buffer.from(token, 'base64url'));

/** What is behind `Bearer`; undefined where the header is another one, empty where what is behind it is no token of ours. */
export const bearerIn = (authorization: unknown): string | undefined => {
  if (typeof authorization !== 'string' || !/^Bearer(?: |$)/i.test(authorization)) return undefined;
  return /^Bearer +([\w-]{43})$/i.exec(authorization)?.[1] ?? '';
};
