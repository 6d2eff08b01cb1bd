import { fromBase64 } from '@keyhaven/core/bytes';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { fingerprintOf, missing, type Observation, protects } from '@keyhaven/core/fingerprint';
import { faultOfServing, type HostKind } from '@keyhaven/core/hosts';
import { type LegacyLicense, openLegacy } from '@keyhaven/core/license';
import type { Authority } from '../authority/index.ts';
import type { Key, Keystore } from '../keystore/index.ts';
import type { InstallMarks } from '../machine/index.ts';

// License files of SL Legacy on this computer (T1). Promised: a file for another computer is refused before anything is made (52; what changes
// later is 64, as for all keys); and a computer has a license in one state directory: another one takes it only with a newer file of its
// vendor, as long as the mark outside of both is there. docs/decisions/0014-sl-legacy.md.

export type Legacies = {
  /**
   * @throws LicensingError as `verifyLegacy`; REQ_NOT_SUPP (16) where this license manager holds no such keys, HARDWARE_MODIFIED (52) where the
   * license is for another computer, UPDATE_ALREADY_ADDED (65) where it is installed in another state directory of this one.
   */
  apply(document: Uint8Array): Promise<{ readonly key: Key; readonly added: boolean }>;
};

const elsewhere = (detail: string): LicensingError =>
  new LicensingError(Status.HARDWARE_MODIFIED, {
    detail,
    remedy: 'Send the vendor a fingerprint of this computer, made with keyhaven fingerprint, and ask for a license for it.',
  });

/** Why a license is not for the computer that was observed; undefined where it is. */
const faultOfComputer = ({ terms }: LegacyLicense, observed: Observation): LicensingError | undefined => {
  const present = fingerprintOf(observed, fromBase64(terms.vendorKey) ?? new Uint8Array());
  const lost = terms.products.find(({ protection }) => protection === undefined || !protects(terms.fingerprint, present, protection));
  if (lost === undefined) return undefined;
  const gone = missing(terms.fingerprint, present).join(', ') || 'nothing';
  return elsewhere(`Product ${lost.id} of the license is for another computer: what it is recognised by is not here (${gone}).`);
};

export const createLegacies = (options: {
  readonly self: { readonly guid: string };
  readonly host: HostKind;
  readonly authority: Pick<Authority, 'applyLegacy'>;
  readonly keystore: Pick<Keystore, 'get'>;
  /** Absent where the host has no place outside of its state directory. */
  readonly marks: InstallMarks | undefined;
  /** What this computer is recognised by; undefined where it is not looked at (K6). */
  readonly observed: () => Promise<Observation> | undefined;
  /** A mark could not be written: the license is applied. */
  readonly onProblem: (error: unknown) => void;
}): Legacies => {
  const { self, authority, keystore, marks, onProblem } = options;
  return {
    async apply(document) {
      const unserved = faultOfServing(options.host, 'sl-legacy');
      if (unserved !== undefined) throw unserved;
      const license = openLegacy(document);
      const { counter } = license.terms;
      const added = keystore.get(license.key) === undefined;
      const observed = await options.observed();
      const fault =
        observed === undefined ? elsewhere('This license manager does not look at its computer.') : faultOfComputer(license, observed);
      if (fault !== undefined) throw fault;
      const mark = await marks?.read(license.key);
      if (mark !== undefined && mark.lm !== self.guid && counter <= mark.counter) {
        throw new LicensingError(Status.UPDATE_ALREADY_ADDED, {
          detail: `The license is installed on this computer already, by the license manager ${mark.lm} with another state directory.`,
          remedy: 'Start the license manager with that state directory; where it is lost, ask the vendor for a newer file of the license.',
        });
      }
      // Before the license is usable: a crash in between leaves a mark of this license manager, which may apply the file again.
      if (mark?.lm !== self.guid || mark.counter < counter) await marks?.write(license.key, { lm: self.guid, counter }).catch(onProblem);
      const { key } = await authority.applyLegacy(document);
      return { key, added };
    },
  };
};
