import { fromBase64 } from '@keyhaven/core/bytes';
import type { KeyKind } from '@keyhaven/core/hosts';
import { openDocument, readCertificate, readPackage, readV2c, unarmor } from '@keyhaven/core/license';
import { peekH2h, peekH2r } from '@keyhaven/core/transfer';

// Where the key of a license document is: the type of the key says which license managers can hold it (T5). The document is only looked at: whoever
// applies it checks it.

/** `kinds` empty: the document does not say. */
export type DocumentHome = { readonly vendor: number; readonly kinds: readonly KeyKind[] };

const ofV2c = (document: Uint8Array, signer?: Uint8Array): DocumentHome => {
  const opened = openDocument('V2C', document, signer);
  const { vendor, certificate } = readV2c(opened.payload);
  const { payload } = openDocument('certificate', fromBase64(certificate) ?? new Uint8Array(), opened.signer);
  return { vendor, kinds: [readCertificate(payload).type] };
};

const ofPackage = (document: Uint8Array): DocumentHome | undefined => {
  const { signer, payload } = openDocument('V2CP', document);
  const homes = readPackage(payload).updates.map((update) => ofV2c(fromBase64(update) ?? new Uint8Array(), signer));
  const [first] = homes;
  return first === undefined ? undefined : { vendor: first.vendor, kinds: [...new Set(homes.flatMap(({ kinds }) => kinds))] };
};

/** undefined where it is for the Admin LM in any case, or for nobody. Never throws: what is wrong with a document is for the license manager to say. */
export const homeOf = (text: string): DocumentHome | undefined => {
  try {
    const { kind, bytes } = unarmor(text);
    switch (kind) {
      case 'V2C':
        return ofV2c(bytes);
      case 'V2CP':
        return ofPackage(bytes);
      case 'H2R':
        return { vendor: peekH2r(bytes).vendor, kinds: [] };
      case 'H2H': {
        const { vendor, type } = peekH2h(bytes);
        return { vendor, kinds: [type] };
      }
      default:
        return undefined;
    }
  } catch {
    return undefined;
  }
};
