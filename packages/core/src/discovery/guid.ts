import { fromBase64, toBase64 } from '../bytes/index.ts';

export const GUID_BYTES = 30;

/** The text form of a GUID: 40 base64url characters, without padding since 30 is a multiple of three. */
export const guidText = (guid: Uint8Array): string => {
  if (guid.length !== GUID_BYTES) throw new RangeError(`a GUID has ${GUID_BYTES} bytes, not ${guid.length}`);
  return toBase64(guid);
};

/** The bytes of a GUID in text form; undefined for any other text. */
export const parseGuid = (text: string): Uint8Array | undefined => {
  if (text.length !== 40) return undefined;
  const bytes = fromBase64(text);
  return bytes?.length === GUID_BYTES ? bytes : undefined;
};
