import type { C2v, Certificate, Delegation } from '@keyhaven/core/license';
import { formatComparison, formatFingerprint } from './format-computer.ts';
import { formatCertificate, formatLegacy, formatProduct, formatSeats, formatTrial, formatUpdate } from './format-license.ts';
import type { Contents } from './inspect.ts';

/** Lines of what a license file says, for a person to read. */
export const formatContents = (contents: Contents): string[] => {
  switch (contents.kind) {
    case 'C2V':
      return formatState(contents.c2v, contents.certificate);
    case 'fingerprint':
      return [
        `Made for vendor ${contents.vendor} by a license manager that holds keys of type ${contents.type}`,
        ...formatFingerprint('Computer:', contents.fingerprint),
      ];
    case 'V2C':
      return [...formatCertificate(contents.certificate), ...formatUpdate(contents.v2c)];
    case 'V2CP':
      return contents.updates.flatMap(({ v2c, certificate }, index) => [
        `Update ${index + 1} of ${contents.updates.length}`,
        ...formatCertificate(certificate),
        ...formatUpdate(v2c),
      ]);
    case 'certificate':
      return formatCertificate(contents.certificate);
    case 'trial':
      return [...formatTrial(contents.trial), ...formatProduct(contents.trial.product)];
    case 'trialkey':
      return ['Says that a key belongs to a trial license'];
    case 'legacy':
      return [...formatLegacy(contents.key, contents.terms), ...contents.terms.products.flatMap(formatProduct)];
    case 'legacyterms':
      return ['What a legacy license lets its computer do'];
    case 'legacykey':
      return ['Says that a key belongs to a legacy license'];
    case 'ID': {
      const { key, type, host, guid, created, virtualMachine } = contents.recipient;
      return [
        `Recipient ${key} (${type}) on ${host || 'an unnamed computer'}${virtualMachine ? ', a virtual machine' : ''}`,
        `License manager ${guid}, made ${created}`,
      ];
    }
    case 'delegation':
      return formatDelegation(contents.delegation);
    case 'H2R':
      return [`Detached from key ${contents.h2r.parent}`, ...formatCertificate(contents.certificate)];
    case 'R2H':
      return [`Returns to key ${contents.r2h.parent}, made ${contents.r2h.returned}`, ...formatDelegation(contents.delegation)];
    case 'H2H':
      return [
        `Move ${contents.h2h.rehosts} of key ${contents.h2h.key}, to recipient ${contents.h2h.recipient}, made ${contents.h2h.moved}`,
        ...formatCertificate(contents.certificate),
      ];
  }
};

const formatDelegation = ({ parent, key, product, seats, network, from, until, sequence }: Delegation): string[] => [
  `Detached from key ${parent} to key ${key}: product ${product}, ${formatSeats(seats)}${network ? ' for a network' : ''}`,
  `From ${from} until ${until}, detachment ${sequence}`,
];

const formatState = (c2v: C2v, certificate: Certificate | undefined): string[] => [
  `Key ${c2v.key} (${c2v.type}) of vendor ${c2v.vendor}, update counter ${c2v.counter}`,
  `Made ${c2v.created} on ${c2v.host || 'an unnamed computer'}${c2v.virtualMachine ? ', a virtual machine' : ''}`,
  ...c2v.usage.map(
    ({ product, feature, executions, firstUse }) =>
      `  Product ${product}, feature ${feature}: ${executions} executions used${firstUse === undefined ? '' : `, first used ${firstUse}`}`,
  ),
  ...(c2v.fingerprint === undefined
    ? ['It does not say what the computer is recognised by']
    : formatFingerprint('It is on', c2v.fingerprint)),
  ...(c2v.fingerprint === undefined || certificate?.fingerprint === undefined
    ? []
    : [formatComparison(certificate.fingerprint, c2v.fingerprint)]),
  ...formatHeld(c2v, certificate),
];
const formatHeld = (c2v: C2v, certificate: Certificate | undefined): string[] => {
  if (certificate !== undefined) return ['The key has this license:', ...formatCertificate(certificate).map((line) => `  ${line}`)];
  if (c2v.certificate !== undefined) return ['The license inside is not signed by the vendor that the key was made for'];
  return [c2v.counter === 0 ? 'The key has no license yet' : 'The C2V does not show the license of the key'];
};
