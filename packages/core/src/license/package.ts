import { Status } from '../errors/index.ts';
import { type Decoder, list, literal, object } from '../parse/index.ts';
import { bytes, canonical, read, vendorId } from './documents.ts';

// A V2CP: several V2C documents of one vendor in one file, in the order in which they are applied (K4). docs/protocol/files.md F90 to F94.

/** BOUNDED: V2C documents of one package; its bytes are bounded as those of any document. */
export const MAX_PACKAGE = 256;
const MAX_INNER = 8 * 1024 * 1024;

export type V2cPackage = {
  readonly format: 1;
  readonly vendor: number;
  /** Whole V2C documents, base64url. */
  readonly updates: readonly string[];
};
const updates: Decoder<readonly string[]> = (value, place, faults) => {
  const items = list(bytes(101, MAX_INNER), MAX_PACKAGE)(value, place, faults);
  if (items?.length === 0 && Array.isArray(value) && value.length === 0) faults.push(`${place}: must have an entry`);
  return items;
};
const v2cPackage: Decoder<V2cPackage> = object({ format: literal(1), vendor: vendorId, updates });

export const readPackage = read(v2cPackage, 'V2CP', Status.INV_UPDATE_DATA);
/** Bytes to be signed. @throws ParseError naming every fault. */
export const writePackage = canonical(v2cPackage, 'V2CP');
