import { fromBase64 } from '../bytes/index.ts';
import { LicensingError, Status } from '../errors/index.ts';
import { type Certificate, DEFAULT_FEATURE, type Feature, openStanding } from '../license/index.ts';
import type { Grant } from './calls.ts';

// What an application believes (I4): a certificate only from its own vendor, or what a chain of delegations leaves of one (K5), and for the
// key it asked for; a grant only for what it asked, within what that certificate says. Everything else is SCHAN_ERR (46): somebody in
// between tried. docs/protocol/session.md G22 and G23.

const refuse = (detail: string): LicensingError => new LicensingError(Status.SCHAN_ERR, { detail });

export const trustCertificate = (
  document: Uint8Array,
  vendor: { readonly vendor: number; readonly publicKey: Uint8Array },
  key: string,
): Certificate => {
  let certificate: Certificate;
  try {
    certificate = openStanding(document, vendor.publicKey).certificate;
  } catch (cause) {
    throw new LicensingError(Status.SCHAN_ERR, { detail: 'The key shows a certificate that its vendor did not sign.', cause });
  }
  if (certificate.vendor !== vendor.vendor || certificate.key !== key) throw refuse('The key shows a certificate of another key.');
  return certificate;
};

export const signingKeyIn = (certificate: Certificate): Uint8Array => {
  const key = fromBase64(certificate.signingKey);
  if (key === undefined) throw refuse('The certificate names no signing key.');
  return key;
};

/** What the vendor sold of a feature of a product in this key; undefined where it did not. */
export const soldFeature = (certificate: Certificate, product: number, feature: number): Feature | undefined =>
  feature === 0 && product === 0
    ? DEFAULT_FEATURE
    : certificate.products.find((each) => each.id === product)?.features.find((each) => each.id === feature);

export const checkGrant = (
  grant: Grant,
  asked: { readonly product: number; readonly feature: number; readonly seats: number },
  certificate: Certificate,
): Feature => {
  if (grant.product !== asked.product || grant.feature !== asked.feature)
    throw refuse('The grant is for another feature than was asked for.');
  const sold = soldFeature(certificate, grant.product, grant.feature);
  if (sold === undefined) throw refuse('The grant is for a feature that the vendor did not sell with this key.');
  const limit = sold.concurrency.seats;
  if (grant.seats !== asked.seats || (limit !== 'unlimited' && grant.seats > limit))
    throw refuse('The grant is for other seats than were asked for.');
  return sold;
};
