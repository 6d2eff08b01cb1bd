import { Buffer } from 'node:buffer';
import { toBase64 } from '@keyhaven/core/bytes';
import { LicensingError, Status } from '@keyhaven/core/errors';
import type { Observation } from '@keyhaven/core/fingerprint';
import { type InfoData, type KeyInfo, keyTypeNames, type LicenseManagerInfo } from '@keyhaven/core/format';
import { armor } from '@keyhaven/core/license';
import { anyScope, matches, parseScope } from '@keyhaven/core/scope';
import { type Mono, SECOND } from '@keyhaven/core/time';
import { ASK, type Ask } from '@keyhaven/core/wire';
import type { Keystore } from '../keystore/index.ts';
import type { Peer } from '../peers/index.ts';
import { hostFingerprint } from './host-fingerprint.ts';
import { judge, type Place } from './in-scope.ts';
import { createLocalKeys, type LocalKeysOptions } from './local-key.ts';
import { remoteKey } from './remote-key.ts';

// What an application is told when it asks without logging in (A1): the license managers, and those keys, products and features of its vendor that
// lie in its scope, here and at other license managers as far as they told. Takes no seat and changes nothing, but for the two questions that make a
// key: of a user, and for what comes from another computer.

/** What the host knows of its computer. */
export type Computer = { readonly version: string; readonly osName: string; readonly osVersion: string; readonly architecture: string };

export type InformationOptions = LocalKeysOptions & {
  readonly self: { readonly guid: string; readonly hostname: string; readonly address: string };
  readonly computer: Computer | undefined;
  readonly keystore: Pick<Keystore, 'keys' | 'get' | 'state' | 'unlicensed'>;
  readonly startedAt: Mono;
  /** It is part of the application that asks (T4); absent = no. */
  readonly embedded?: boolean;
  /** The one vendor whose keys are here; undefined where those of every vendor may be. */
  readonly vendor: number | undefined;
  /** What this computer is recognised by; undefined where it is not looked at (K6). */
  readonly observed: () => Promise<Observation> | undefined;
  /** Text of an ID (K5): of a fresh key, or of one that has a lent license and is to have it longer; undefined where nothing comes here. */
  readonly recipient: ((of: { readonly type: 'sl-adminmode' } | { readonly key: string }) => Promise<string>) | undefined;
  /** Other LMs whose keys applications here may use. */
  readonly peers: () => readonly Pick<Peer, 'guid' | 'hostname' | 'address' | 'catalog'>[];
};

/** @returns the answer to a question; rejects with SCOPE_RESULTS_EMPTY (50), INV_SCOPE (36), TOO_MANY_KEYS (37) or REQ_NOT_SUPP (16) */
export const createInformation = (options: InformationOptions): ((question: Ask) => Promise<InfoData>) => {
  const { self, keystore, clock } = options;
  const localKey = createLocalKeys(options);

  /** The one key here that is left, with its state; keys elsewhere do not count beside it. */
  const stateOf = async (own: readonly KeyInfo[], others: readonly LicenseManagerInfo[]): Promise<KeyInfo | undefined> => {
    const [first, second] = own;
    const [elsewhere] = others.flatMap(({ vendors }) => vendors.flatMap(({ keys }) => keys));
    if (second !== undefined) {
      throw new LicensingError(Status.TOO_MANY_KEYS, { detail: `${own.length} keys are in the scope; a C2V is made of one.` });
    }
    const key = first === undefined ? undefined : keystore.get(first.id);
    if (first !== undefined && key !== undefined) {
      return { ...first, c2v: armor('C2V', await keystore.state(key, self.hostname, clock.wall())) };
    }
    if (elsewhere === undefined) return undefined;
    throw new LicensingError(Status.REQ_NOT_SUPP, { detail: `Key ${elsewhere.id} is on another computer; its C2V is made there.` });
  };

  /** A key that waits for its first license, made where there is none: of a user, for whom his applications may ask (T1). */
  const newKey = async ({ vendor, vendorKey: publicKey }: Ask): Promise<KeyInfo> => {
    if (options.vendor !== undefined && options.vendor !== vendor) {
      throw new LicensingError(Status.UNKNOWN_VCODE, { detail: `This license manager holds keys of vendor ${options.vendor} only.` });
    }
    const key = await keystore.unlicensed('sl-usermode', { vendor, publicKey });
    const c2v = armor('C2V', await keystore.state(key, self.hostname, clock.wall()));
    return { id: key.identity.id, ...keyTypeNames[key.identity.type], updateCounter: 0, c2v, products: [], features: [] };
  };

  /** The ID of this computer; of the one key in the scope that has a lent license, where there is a scope. */
  const idOf = async ({ scope }: Ask, own: readonly KeyInfo[]): Promise<string> => {
    const { recipient } = options;
    if (recipient === undefined) {
      throw new LicensingError(Status.REQ_NOT_SUPP, {
        detail: 'Licenses of other computers come to an Admin LM only.',
        remedy: 'Install the run-time environment, and ask its license manager.',
      });
    }
    if (scope === '') return recipient({ type: 'sl-adminmode' });
    const [lent, another] = own.filter(({ id }) => keystore.get(id)?.license?.delegation !== undefined);
    if (another !== undefined)
      throw new LicensingError(Status.TOO_MANY_KEYS, { detail: 'The scope leaves several keys with a detached license.' });
    if (lent === undefined)
      throw new LicensingError(Status.SCOPE_RESULTS_EMPTY, { detail: 'The scope leaves no key with a detached license.' });
    return recipient({ key: lent.id });
  };

  return async (question) => {
    const scope = question.scope === '' ? anyScope : parseScope(question.scope).scope;
    const vendorKey = toBase64(question.vendorKey);
    const place = (of: { readonly guid: string; readonly hostname: string; readonly address: string }, local: boolean): Place => ({
      licenseManager: { hostname: of.hostname, id: of.guid, ips: [of.address], local },
      vendor: { id: question.vendor },
    });
    const withKeys = (lm: Omit<LicenseManagerInfo, 'vendors'>, at: Place, keys: readonly KeyInfo[]): LicenseManagerInfo[] => {
      if (keys.length > 0) return [{ ...lm, vendors: [{ id: String(question.vendor), keys }] }];
      // A license manager without keys of this vendor is told where the scope is about license managers only.
      return matches(scope, { ...at, key: { id: '' } }) ? [{ ...lm, vendors: [] }] : [];
    };

    const here = place(self, true);
    const own: KeyInfo[] = [];
    for (const key of keystore.keys()) {
      if (key.identity.vendor !== question.vendor || toBase64(key.identity.vendorKey) !== vendorKey) continue;
      const told = await localKey(key, judge(scope, here), (question.wanted & ASK.sessions) !== 0);
      if (told !== undefined) own.push(told);
    }
    const others = options.peers().flatMap((peer) => {
      const lm = { guid: peer.guid, hostname: peer.hostname, address: peer.address.host };
      const at = place(lm, false);
      const keys = peer.catalog
        .filter((key) => key.vendor === question.vendor && key.vendorKey === vendorKey && key.counter > 0)
        .flatMap((key) => remoteKey(key, judge(scope, at), lm.address));
      return withKeys({ id: lm.guid, hostname: lm.hostname, ip: lm.address }, at, keys);
    });
    const { computer } = options;
    const observed = (question.wanted & ASK.fingerprint) === 0 ? undefined : await options.observed();
    const about = {
      id: self.guid,
      hostname: self.hostname,
      ip: self.address,
      ...computer,
      uptime: Math.floor((clock.mono() - options.startedAt) / SECOND),
      time: Math.floor(clock.wall() / SECOND),
      embedded: options.embedded === true,
      ...(observed === undefined ? {} : { hostFingerprints: [hostFingerprint(observed, question)] }),
    };
    if ((question.wanted & ASK.recipient) !== 0)
      return { licenseManagers: [{ ...about, vendors: [], recipient: await idOf(question, own) }] };
    if ((question.wanted & ASK.newKey) !== 0) return { licenseManagers: withKeys(about, here, [await newKey(question)]) };
    const withState = (question.wanted & ASK.c2v) === 0 ? undefined : await stateOf(own, others);
    const licenseManagers = withState === undefined ? [...withKeys(about, here, own), ...others] : withKeys(about, here, [withState]);
    if (licenseManagers.length === 0) {
      throw new LicensingError(Status.SCOPE_RESULTS_EMPTY, {
        detail: 'The scope leaves none of the keys and license managers that are known.',
      });
    }
    return { licenseManagers };
  };
};

/** BOUNDED: bytes of one part of an answer; well within a frame. */
const PART = 256 * 1024;

/** The answer as JSON, in parts that fit into frames; at least one. */
export const partsOf = (data: InfoData): readonly Uint8Array[] => textParts(JSON.stringify(data));

export const textParts = (text: string): readonly Uint8Array[] => {
  const bytes = Buffer.from(text, 'utf8');
  return Array.from({ length: Math.max(1, Math.ceil(bytes.length / PART)) }, (_, index) =>
    bytes.subarray(index * PART, (index + 1) * PART),
  );
};
