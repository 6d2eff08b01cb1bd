import { LicensingError, Status } from '../errors/index.ts';
import type { RemoteMode } from './rules.ts';

// "Access from Remote Clients" before any rule of the list is asked (R9, field-facts 2.5). Identities are for clients of the REST licensing API; other
// license managers have none, so `identifiable` admits none of them, and says why.

/** Whether a computer without an identity may come at all. */
export const admitsRemote = (mode: RemoteMode): boolean => mode === 'split' || mode === 'all';

/** What is said to a computer; undefined = it may come. @param identified it has shown an identity */
export const remoteDenial = (mode: RemoteMode, identified = false): LicensingError | undefined => {
  switch (mode) {
    case 'none':
      return new LicensingError(Status.ACCESS_DENIED, { detail: 'Access from remote clients is off.' });
    case 'identifiable':
      if (identified) return undefined;
      return new LicensingError(Status.IDENTITY_REQUIRED, {
        detail: 'This license manager serves identifiable clients only, and this computer has shown no identity.',
      });
    case 'split':
    case 'all':
      return undefined;
  }
};
