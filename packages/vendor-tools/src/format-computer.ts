import { describe, type Fingerprint, missing, needs, type Protection, type Scheme } from '@keyhaven/core/fingerprint';

// What a computer is recognised by, and how strictly, for a person to read (K6). The values are hashes that differ from vendor to vendor: two files of one
// vendor show whether they were made on the same computer, and nothing else.

/** BOUNDED: values of a component that are shown. */
const SHOWN = 4;

const HOSTS = { physical: 'physical computer', virtual: 'virtual machine', container: 'container' } as const;

/** Lines, the first of which begins with `what`. */
export const formatFingerprint = (what: string, { host, components }: Fingerprint): string[] => [
  `${what} a ${HOSTS[host]}, recognised by ${components.length === 0 ? 'nothing' : 'these hashes:'}`,
  ...components.map(({ kind, values }) => {
    const more = values.length > SHOWN ? ` and ${values.length - SHOWN} more` : '';
    return `  ${kind}: ${values.slice(0, SHOWN).join(', ')}${more}`;
  }),
];

/** Whether a C2V comes from the computer that the license is bound to. */
export const formatComparison = (reference: Fingerprint, present: Fingerprint): string => {
  const gone = missing(reference, present);
  if (gone.length === 0) return 'It is the computer that the license is bound to';
  const all = gone.length === reference.components.length;
  return all
    ? 'It is another computer than the license is bound to'
    : `Of the computer that the license is bound to, these are others: ${gone.join(', ')}`;
};

const formatScheme = (scheme: Scheme): string => {
  const by = needs(scheme);
  return by === undefined || by === describe(scheme) ? describe(scheme) : `${describe(scheme)} (${by})`;
};

export const formatProtection = ({ physical, virtual }: Protection): string =>
  `  Clone protection: ${formatScheme(physical)} on a physical computer, ${formatScheme(virtual)} on a virtual one`;
