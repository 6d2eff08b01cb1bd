import { LicensingError, Status } from '@keyhaven/core/errors';
import type { InfoData } from '@keyhaven/core/format';
import { fieldsOf } from './arguments.ts';
import { type Asked, type LoginOptions, readQuestion } from './login-options.ts';

/** A first SL UserMode key of this vendor for the user of the application (T1). */
export type KeyRequest = Pick<LoginOptions, 'vendorCode' | 'lm'>;

const scope = { key: { type: 'HASP-SL-UserMode' } } as const;

/** @throws LicensingError INV_VCODE (22), INVALID_PARAMETER (501) */
export const readKeyRequest = (value: unknown): Asked => {
  const { vendorCode, lm } = fieldsOf(value, 'the options of requestKey', ['vendorCode', 'lm']);
  return readQuestion({ vendorCode, scope, lm });
};

/** The C2V in the answer to `ASK.newKey`. @throws LicensingError OLD_LM (42) where the license manager does not know the question */
export const c2vOfNewKey = ({ licenseManagers }: InfoData): string => {
  const [c2v] = licenseManagers.flatMap(({ vendors }) => vendors.flatMap(({ keys }) => keys.flatMap((key) => key.c2v ?? [])));
  if (c2v !== undefined) return c2v;
  throw new LicensingError(Status.OLD_LM, {
    detail: 'The license manager cannot make keys for applications yet.',
    remedy: 'Replace the External LM beside the application by a newer one, or make the key with keyhaven c2v --type sl-usermode.',
  });
};
