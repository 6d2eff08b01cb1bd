import type { Block } from '@keyhaven/core/link';

/** BOUNDED: bytes of the blocks of one body; with one block more it stays under MAX_BODY. */
export const WITHIN_BODY = 2 * 1024 * 1024;

/** About how many bytes a block adds to a body. */
export const sizeOf = (block: Block): number => {
  switch (block.kind) {
    case 'record':
      return block.record.length;
    case 'opened':
      return 64 + block.answer.length;
    case 'catalog':
    case 'catalog part':
      return 64 + block.json.length;
    case 'changes':
      return 64 + block.json.length + block.removed.length * 8;
    case 'renewing':
    case 'gone':
      return 64 + block.sessions.length * 16;
    case 'probed':
      return 64 + block.padding.length;
    case 'ask file':
      return 64 + block.document.length;
    case 'file':
      return 64 + block.detail.length + block.remedy.length + block.part.length;
    default:
      return 256;
  }
};
