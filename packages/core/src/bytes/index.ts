export { Reader, WireError } from './reader.ts';
export { Writer } from './writer.ts';
export { fromBase64, hex, sameBytes, toBase64 } from './text.ts';
