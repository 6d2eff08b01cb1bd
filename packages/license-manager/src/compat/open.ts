import type { Entropy } from '@keyhaven/core/crypto';
import { LicensingError } from '@keyhaven/core/errors';
import type { Clock } from '@keyhaven/core/time';
import type { Ledger } from '@keyhaven/ledger';
import type { RuleBar } from '../access/access.ts';
import type { AuditWriter } from '../acts/index.ts';
import type { Authority } from '../authority/index.ts';
import type { Key, Keystore } from '../keystore/index.ts';
import type { MachineSeal } from '../machine/index.ts';
import type { Overview } from '../overview.ts';
import type { Settings } from '../settings.ts';
import { openAheadLogins } from './ahead.ts';
import type { CompatFaces } from './faces.ts';
import { openIdentities } from './identities.ts';
import { createRest } from './rest.ts';
import { createIdentityCheck } from './rest-identity.ts';
import { createRestSessions } from './rest-sessions.ts';

/** BOUNDED: refused identities that the audit has in a minute; who asks again and again adds nothing. */
const NOTED_A_MINUTE = 60;

/** What existing programs are served with (C6), joined to a license manager. Rejects as the ledger does. */
export const openCompat = async (options: {
  readonly ledger: Ledger;
  readonly audit: Pick<AuditWriter, 'write'>;
  readonly seal: Pick<MachineSeal, 'seal' | 'open'>;
  readonly authority: Authority;
  readonly keystore: Keystore;
  readonly overview: Pick<Overview, 'keys' | 'catalog' | 'protectionOf'>;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly settings: () => Settings;
  readonly against: (address: string) => RuleBar | undefined;
  readonly fingerprint: (of: Key['identity']) => Promise<string>;
}): Promise<CompatFaces & { close(): void }> => {
  const { ledger, authority, keystore, clock, entropy } = options;
  const idleSeconds = (): number => options.settings().rest.idleSeconds;
  const sessions = createRestSessions({
    authority,
    keystore,
    clock,
    entropy,
    idleSeconds,
    onNothingFound(vendor, { feature, application: who }, address, { status, message, detail = message }) {
      const { pid, user, host, application } = who;
      const asked = { vendor, feature, pid, user, host, application, address, status, cause: detail };
      options.audit.write({ kind: 'refused', scope: 'lm', detail: asked });
    },
  });
  const identities = await openIdentities({
    ledger,
    seal: options.seal,
    clock,
    entropy,
    onWithdrawn: (id) => sessions.endOf(id),
  });
  let noted = { minute: -1, count: 0 };
  const onRefused = (identity: string, address: string, { status, message }: LicensingError): void => {
    const minute = Math.floor(clock.mono() / 60_000);
    if (noted.minute !== minute) noted = { minute, count: 0 };
    noted.count += 1;
    if (noted.count > NOTED_A_MINUTE) return;
    const entry = { kind: 'refused', scope: 'lm', detail: { user: identity, address, status, cause: message } };
    options.audit.write(entry);
  };
  const check = createIdentityCheck({ identities, clock, against: options.against, ofToken: sessions.ofToken, onRefused });
  const register = async (identity: string, machine: string, address: string): Promise<void> => {
    try {
      await identities.register(identity, machine, address);
    } catch (error) {
      if (error instanceof LicensingError) onRefused(identity, address, error);
      throw error;
    }
  };
  const rest = createRest({
    check,
    register,
    ahead: await openAheadLogins(ledger),
    sessions,
    keystore,
    authority,
    overview: options.overview,
    clock,
  });
  return {
    identities,
    rest,
    settings: options.settings,
    async fingerprintFor(vendor) {
      const key = [...keystore.keys()].find(({ identity }) => identity.vendor === vendor);
      return key && options.fingerprint(key.identity);
    },
    close() {
      rest.close();
      sessions.close();
    },
  };
};
