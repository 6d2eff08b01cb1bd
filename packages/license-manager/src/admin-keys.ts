import { LicensingError, Status } from '@keyhaven/core/errors';
import type { Observation } from '@keyhaven/core/fingerprint';
import { renderInfo } from '@keyhaven/core/format';
import { armor, parseVendorCode } from '@keyhaven/core/license';
import type { Clock } from '@keyhaven/core/time';
import type { Ledger } from '@keyhaven/ledger';
import { certificatesOfKey } from './certificates.ts';
import type { HttpFaces } from './http/index.ts';
import { hostFingerprint } from './information/index.ts';
import { type KeyNames, notHere } from './key-names.ts';
import type { Keystore } from './keystore/index.ts';
import type { Lm, LmEvent } from './lm/index.ts';
import type { Notices } from './notices/index.ts';

// What administrators see of the keys here and do to them and their sessions, and the files about them that they carry to a vendor.

export type FingerprintFor = (of: Parameters<typeof hostFingerprint>[1]) => Promise<string>;

/** What this computer is recognised by, for one vendor: the XML of the format host_fingerprint. */
export const createFingerprints =
  (guid: string, observe: () => Promise<Observation>): FingerprintFor =>
  async (of) =>
    renderInfo(
      { kind: 'predefined', name: 'host_fingerprint' },
      { licenseManagers: [{ id: guid, hostFingerprints: [hostFingerprint(await observe(), of)], vendors: [] }] },
    );

export const administerKeys = (options: {
  readonly lm: Lm;
  readonly ledger: Ledger;
  readonly keystore: Keystore;
  readonly keyNames: KeyNames;
  readonly hostname: string;
  readonly fingerprintFor: FingerprintFor;
  readonly clock: Clock;
  readonly notices: Pick<Notices, 'touch'>;
  readonly onEvent: (event: LmEvent) => void;
}): Pick<HttpFaces, 'kill' | 'nameKey' | 'blinkKey' | 'certificates' | 'fingerprint' | 'c2v'> => {
  const { lm, ledger, keystore, keyNames, hostname, fingerprintFor, clock, notices, onEvent } = options;
  const { authority } = lm;
  const killed = (key: string, detail: Readonly<Record<string, string>>): Promise<unknown> => {
    const act = { kind: 'session killed', scope: key, detail };
    return ledger.update([], () => ({ changes: [], audit: [act], reply: undefined }));
  };
  /** A session of an application here on a key elsewhere (T1). @returns whether there was one. Rejects with REMOTE_COMM_ERR (40) */
  const killRemote = async (id: string, by: string): Promise<boolean> => {
    const ended = await lm.peers.end(id);
    if (ended === undefined) return false;
    const { peer, key, facts } = ended.session;
    onEvent({ level: 'warn', event: 'session killed', session: id, by, location: peer.guid });
    await killed(facts?.key ?? key ?? 'lm', { session: id, by, location: peer.guid });
    if (ended.heard) return true;
    const name = peer.hostname === '' ? peer.address.host : peer.hostname;
    throw new LicensingError(Status.REMOTE_COMM_ERR, {
      detail: `The license manager ${name} has the key of session ${id} and did not answer.`,
      remedy:
        'Nothing else is needed: the session ends when that license manager can be reached, or three minutes after it was last reached.',
    });
  };
  return {
    async kill(id, by) {
      const session = authority.session(id);
      if (session === undefined && (await killRemote(id, by))) return;
      if (session === undefined || session.ending !== undefined)
        throw new LicensingError(Status.INV_HND, {
          detail: `No session has the id ${id.slice(0, 64)}.`,
          remedy: 'List the sessions with: keyhaven sessions',
        });
      onEvent({ level: 'warn', event: 'session killed', session: id, by });
      await authority.release(session, 'killed');
      await killed(session.pool.key, { session: id, by });
    },
    nameKey: keyNames.change,
    async blinkKey(key, on) {
      if (keystore.get(key) === undefined) throw notHere(key);
      await keystore.devices.blink(key, on);
      notices.touch('keys');
    },
    certificates: (key) => certificatesOfKey(keystore, key),
    async fingerprint(vendorCode) {
      const { vendor, publicKey: vendorKey } = parseVendorCode(vendorCode);
      return fingerprintFor({ vendor, vendorKey });
    },
    async c2v(wanted) {
      const key = 'key' in wanted ? keystore.get(wanted.key) : await keystore.unlicensed(wanted.type, parseVendorCode(wanted.vendorCode));
      if (key === undefined) throw new LicensingError(Status.KEYID_NOT_FOUND, { detail: 'No key of this id is on this computer.' });
      return armor('C2V', await keystore.state(key, hostname, clock.wall()));
    },
  };
};
