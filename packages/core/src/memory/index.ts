export { type Contents, contentsRows, decideInstall, installRows, memoryAfter, memoryRowKeys, onceRows } from './install.ts';
export {
  BLOCK,
  type BlockRow,
  blockRowKey,
  blocksOf,
  fileIn,
  type MemoryFile,
  type OnceRow,
  onceRowKey,
  placeOf,
  READ_ONLY_FILE,
  READ_WRITE_FILE,
} from './layout.ts';
export {
  decideWrite,
  faultOfAccess,
  type MemoryChange,
  type MemoryRows,
  type Piece,
  WHOLE,
  type Write,
  type WriteReply,
  writeRows,
} from './write.ts';
