import { Buffer } from 'node:buffer';
import { createHash } from 'node:crypto';
import { type Identity, mayUse, type SignedRequest } from '@keyhaven/core/compat';
import type { Entropy } from '@keyhaven/core/crypto';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { identityOfHolder, restHolder } from '@keyhaven/core/seats';
import { type ApplicationIdentity, type AttemptDenial, decodeGrant, type LoginCall } from '@keyhaven/core/session';
import { type Clock, MINUTE, SECOND } from '@keyhaven/core/time';
import type { Authority, LiveSession } from '../authority/index.ts';
import { resumeTokenFor } from '../authority/tokens.ts';
import type { Keystore } from '../keystore/index.ts';
import { type KeyClient, openKeyClient } from './key-client.ts';
import { type RestCandidate, type RestLogin, restCandidates } from './rest-candidates.ts';
import type { Signer } from './rest-identity.ts';
import { accessTokenFor, isAccessToken } from './rest-tokens.ts';

// Sessions of the REST licensing API (C6): sessions like any other, in a channel that the license manager holds for its client. The client's lease is
// renewed here once a minute for as long as it asks for something now and then; whoever is silent for `idleSeconds` gives his seat back.
// Nothing of a session is kept here that could be lost: its row says whose it is, and after a restart the channel is made anew.

const RENEW_MS = MINUTE;

export type RestLoginCall = RestLogin & {
  readonly seats: number;
  readonly executions: number;
  readonly dieAtExpiration: boolean;
  readonly application: ApplicationIdentity;
  /** The computer of the client, as it calls it. */
  readonly machine: string;
};
export type RestSession = { readonly session: string; readonly key: string; readonly product: number; readonly feature: number };

export type RestSessions = {
  /** Seconds of silence after which a session ends, as they hold now. */
  idleSeconds(): number;
  /** `ordinal` counts the logins with this signature: each of them is a session of its own. Rejects as `restCandidates` and logins do. */
  login(vendor: number, call: RestLoginCall, asker: Signer, ordinal: number): Promise<RestSession>;
  /** Whether it runs still, as a session of this identity. */
  runs(session: string, identity: string): boolean;
  /** Ends a session whose id never reached its client, so that nobody can use or end it. Never rejects. */
  abandon(session: string): void;
  /** Counts as use. Rejects with INV_HND (9) where it is none of this identity, or with what ended it. */
  refresh(vendor: number, session: string, identity: Identity): Promise<RestSession>;
  read(
    vendor: number,
    session: string,
    identity: Identity,
    at: { readonly file: number; readonly offset: number; readonly length: number },
  ): Promise<Uint8Array>;
  /** With which the identity goes on with its session from there; undefined where it did not log in from there. */
  tokenOf(session: string, identity: string, place: string | undefined): string | undefined;
  /** The identity whose session that is, if the token is the one of the session and of this address. */
  ofToken(vendor: number, session: string, token: string, place: string | undefined): string | undefined;
  logout(vendor: number, session: string, identity: Identity): Promise<void>;
  /** Ends all of an identity. Never rejects. */
  endOf(identity: string): void;
  close(): void;
};

type Held = { readonly client: KeyClient; readonly handle: number };

export const createRestSessions = (options: {
  readonly authority: Authority;
  readonly keystore: Keystore;
  readonly clock: Clock;
  readonly entropy: Entropy;
  /** Usually shorter than for applications with a process to watch: of these nobody sees whether they still run. */
  readonly idleSeconds: () => number;
  /** A login for which no key was found; absent = nobody wants to know. */
  readonly onNothingFound?: (vendor: number, call: RestLoginCall, address: string, error: LicensingError) => void;
}): RestSessions => {
  const { authority, keystore, clock, entropy, idleSeconds } = options;
  const held = new Map<string, Held>(); // BOUNDED by the sessions there are: swept with them
  let closed = false;
  let cancel = (): void => undefined;

  const nonceOf = ({ identity, date, signature }: SignedRequest, holder: string, ordinal: number): Buffer =>
    createHash('sha256').update(`rest login ${identity} ${date} ${holder} ${ordinal} `).update(signature).digest().subarray(0, 16);

  const loginAt = async (
    { key, product, feature }: RestCandidate,
    call: RestLoginCall,
    { nonce, holder, address, denial }: { nonce: Buffer; holder: string; address: string; denial: AttemptDenial | undefined },
  ) => {
    const party = { holder, address, process: undefined };
    const { seats, executions, dieAtExpiration, application } = call;
    for (let again = false; ; again = true) {
      const client = await openKeyClient(authority, entropy, key, party);
      try {
        const login: LoginCall = { kind: 'login', nonce, product, feature, seats, executions, dieAtExpiration, application };
        const body = await client.call(denial === undefined ? login : { kind: 'attempt', denial, of: login });
        const grant = decodeGrant(body);
        const session = Buffer.from(grant.session).toString('hex');
        held.get(session)?.client.close();
        held.set(session, { client, handle: grant.handle });
        return { session, key: key.identity.id, product, feature };
      } catch (error) {
        const alive = client.alive;
        client.close();
        // A channel that ended did so because the license is another one by now.
        if (alive || again) throw error;
      }
    }
  };

  const candidatesOf = (vendor: number, call: RestLoginCall, identity: Identity, address: string): [RestCandidate, ...RestCandidate[]] => {
    try {
      const [first, ...others] = restCandidates({ keystore, authority }, vendor, call, identity);
      if (first === undefined) throw new LicensingError(Status.KEY_NOT_FOUND);
      return [first, ...others];
    } catch (error) {
      if (error instanceof LicensingError) options.onNothingFound?.(vendor, call, address, error);
      throw error;
    }
  };
  const found = (id: string) => {
    const session = /^[0-9a-f]{32}$/.test(id) ? authority.session(id) : undefined;
    return { session, key: session === undefined ? undefined : keystore.get(session.pool.key) };
  };
  /** @throws LicensingError INV_HND (9): of nobody's session and of somebody else's alike */
  const own = (vendor: number, id: string, identity: Identity): LiveSession => {
    const { session, key } = found(id);
    if (session === undefined || key?.identity.vendor !== vendor || identityOfHolder(session.row.holder) !== identity.id) {
      held.delete(id);
      throw new LicensingError(Status.INV_HND, { detail: 'There is no such session.' });
    }
    if (!mayUse(identity, session.pool.key, session.pool.feature === 0 ? undefined : session.pool.product))
      throw new LicensingError(Status.IDENTITY_DENIED, { detail: `The identity ${identity.id} is limited to other keys or products.` });
    return session;
  };
  /** The channel of a session, made anew where there is none. */
  const channelOf = async (session: LiveSession): Promise<Held> => {
    const known = held.get(session.id);
    if (known?.client.alive === true) return known;
    const key = keystore.get(session.pool.key);
    if (key === undefined) throw new LicensingError(Status.KEY_NOT_FOUND);
    const { holder, address, pid, start, user, host, application } = session.row;
    const client = await openKeyClient(authority, entropy, key, { holder, address, process: undefined });
    try {
      const id = Buffer.from(session.id, 'hex');
      const who = { pid, start, user, host, application };
      const grant = decodeGrant(await client.call({ kind: 'resume', session: id, token: resumeTokenFor(key, id), application: who }));
      const made = { client, handle: grant.handle };
      held.get(session.id)?.client.close();
      held.set(session.id, made);
      return made;
    } catch (error) {
      client.close();
      throw error;
    }
  };

  const sweep = (): void => {
    if (closed) return;
    const now = clock.mono();
    const idleMs = idleSeconds() * SECOND;
    const alive = new Map<string, Buffer[]>();
    const there = new Set<string>();
    for (const session of authority.sessions()) {
      const { holder } = session.row;
      if (session.ending !== undefined || identityOfHolder(holder) === undefined) continue;
      if (now - session.lastUse >= idleMs) {
        authority.release(session, 'idle').catch(() => undefined); // What the disk refuses now is tried a minute later.
        continue;
      }
      there.add(session.id);
      const of = alive.get(holder);
      if (of === undefined) alive.set(holder, [Buffer.from(session.id, 'hex')]);
      else of.push(Buffer.from(session.id, 'hex'));
    }
    for (const [holder, ids] of alive) authority.renewExactly(holder, ids);
    for (const [id, { client }] of held) {
      if (there.has(id)) continue;
      client.close();
      held.delete(id);
    }
    cancel = clock.after(RENEW_MS, sweep);
  };
  cancel = clock.after(RENEW_MS, sweep);

  const told = ({ id, pool }: LiveSession): RestSession => ({ session: id, key: pool.key, product: pool.product, feature: pool.feature });

  return {
    idleSeconds,
    async login(vendor, call, { identity, signed, address, place }, ordinal) {
      const holder = restHolder(identity.id, place);
      const nonce = nonceOf(signed, holder, ordinal);
      const by = { nonce, holder, address };
      const [first, ...others] = candidatesOf(vendor, call, identity, address);
      if (others.length === 0) return loginAt(first, call, { ...by, denial: undefined });
      for (const candidate of [first, ...others]) {
        try {
          return await loginAt(candidate, call, { ...by, denial: 'never' });
        } catch {
          // The first key says why, once it is clear that no other one grants.
        }
      }
      return loginAt(first, call, { ...by, denial: undefined });
    },
    async refresh(vendor, id, identity) {
      const session = own(vendor, id, identity);
      const { client, handle } = await channelOf(session);
      await client.call({ kind: 'clock', handle });
      return told(session);
    },
    async read(vendor, id, identity, at) {
      const { client, handle } = await channelOf(own(vendor, id, identity));
      return client.call({ kind: 'read', handle, ...at });
    },
    runs(id, identity) {
      const { session } = found(id);
      return session !== undefined && session.ending === undefined && identityOfHolder(session.row.holder) === identity;
    },
    abandon(id) {
      const { session } = found(id);
      if (session !== undefined && identityOfHolder(session.row.holder) !== undefined)
        authority.release(session, 'lease ended').catch(() => undefined); // Else it ends when it was idle.
    },
    tokenOf(id, identity, place) {
      const { session, key } = found(id);
      return session && key && accessTokenFor(key, session, { identity, place });
    },
    ofToken(vendor, id, token, place) {
      const { session, key } = found(id);
      const identity = session && identityOfHolder(session.row.holder);
      if (session === undefined || key?.identity.vendor !== vendor || identity === undefined) return undefined;
      return isAccessToken(key, session, token) && session.row.holder === restHolder(identity, place) ? identity : undefined;
    },
    async logout(vendor, id, identity) {
      const session = own(vendor, id, identity);
      await authority.release(session, 'logout');
      held.get(id)?.client.close();
      held.delete(id);
    },
    endOf(identity) {
      for (const session of [...authority.sessions()]) {
        if (identityOfHolder(session.row.holder) === identity) authority.release(session, 'killed').catch(() => undefined);
      }
    },
    close() {
      closed = true;
      cancel();
      for (const { client } of held.values()) client.close();
      held.clear();
    },
  };
};
