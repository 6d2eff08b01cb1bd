import { LicensingError, Status } from '@keyhaven/core/errors';
import { type NearOverrides, overrideFaults } from '@keyhaven/core/near-settings';
import { type Decoder, parseJson } from '@keyhaven/core/parse';

// keyhaven-external-lm --vendor ID [--directory DIR] [--settings JSON] [--version]

export type CommandLine =
  | { readonly kind: 'version' }
  | { readonly kind: 'serve'; readonly vendor: number; readonly directory: string | undefined; readonly overrides: NearOverrides };

const USAGE = 'keyhaven-external-lm --vendor ID [--directory DIR] [--settings JSON] [--version]';

const wrong = (detail: string, cause?: unknown): LicensingError =>
  new LicensingError(Status.INVALID_PARAMETER, { detail, remedy: `Start it as: ${USAGE}`, cause });

const overrides: Decoder<NearOverrides> = (value, _place, faults) => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    faults.push('they must be an object');
    return undefined;
  }
  const said = Object.fromEntries(Object.entries(value));
  faults.push(...overrideFaults(said));
  return said;
};

const overridesFrom = (text: string | undefined): NearOverrides => {
  if (text === undefined) return {};
  try {
    return parseJson(overrides, text, '--settings');
  } catch (cause) {
    throw wrong(`Its settings are not valid: ${cause instanceof Error ? cause.message : ''}.`, cause);
  }
};

/** @throws LicensingError INVALID_PARAMETER (501) */
export const readCommandLine = (words: readonly string[]): CommandLine => {
  const given = new Map<string, string>();
  const names = ['--vendor', '--directory', '--settings'];
  for (let at = 0; at < words.length; at += 2) {
    const name = words[at] ?? '';
    if (name === '--version') return { kind: 'version' };
    const value = words[at + 1];
    if (!names.includes(name)) throw wrong(`It has no option ${name.slice(0, 80)}.`);
    if (value === undefined) throw wrong(`${name} has no value.`);
    given.set(name, value);
  }
  const vendor = Number(given.get('--vendor'));
  if (!Number.isInteger(vendor) || vendor < 1 || vendor > 0xffff_ffff) throw wrong('--vendor must be the number of a vendor.');
  return { kind: 'serve', vendor, directory: given.get('--directory'), overrides: overridesFrom(given.get('--settings')) };
};
