import { fromBase64 } from '@keyhaven/core/bytes';
import type { InfoData } from '@keyhaven/core/format';
import { openDocument, readPackage, readV2c, unarmor, type VendorCode } from '@keyhaven/core/license';

// What the vendor of an update asks back (K4): fresh C2V documents, signed by the keys themselves.

export type Updated = {
  readonly message: string;
  /** Text of the C2V of each key whose update asks for an acknowledgement; for the vendor. Absent where none does. */
  readonly ack?: string;
};

type Asked = { readonly vendor: VendorCode; readonly key: string };

/** Who asks, in a document that was just applied. */
const askedIn = (text: string): readonly Asked[] => {
  const { kind, bytes } = unarmor(text);
  if (kind !== 'V2C' && kind !== 'V2CP') return [];
  const { signer, payload } = openDocument(kind, bytes);
  const documents = kind === 'V2C' ? [bytes] : readPackage(payload).updates.map((update) => fromBase64(update) ?? new Uint8Array());
  const asked = documents.flatMap((document): Asked[] => {
    const v2c = readV2c(openDocument('V2C', document, signer).payload);
    return v2c.acknowledge === true ? [{ vendor: { vendor: v2c.vendor, publicKey: signer }, key: v2c.key }] : [];
  });
  return [...new Map(asked.map((each) => [each.key, each])).values()];
};

export const acknowledge = async (
  text: string,
  stateOf: (vendor: VendorCode, key: string) => Promise<InfoData>,
): Promise<string | undefined> => {
  const documents: string[] = [];
  for (const { vendor, key } of askedIn(text)) {
    const { licenseManagers } = await stateOf(vendor, key);
    documents.push(
      ...licenseManagers.flatMap(({ vendors }) =>
        vendors.flatMap(({ keys }) => keys.flatMap(({ id, c2v }) => (id === key && c2v !== undefined ? [c2v] : []))),
      ),
    );
  }
  return documents.length === 0 ? undefined : documents.join('');
};
