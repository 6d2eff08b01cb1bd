export { Reader, WireError } from './reader.ts';
export { fromBase64, hex, sameBytes, toBase64 } from './text.ts';
export { Writer } from './writer.ts';
