import type { Block } from './blocks.ts';

/** The first version of a link that carries blocks of this kind (K17). */
export const sinceVersion = (kind: Block['kind']): number => {
  switch (kind) {
    case 'ask changes':
    case 'changes':
    case 'probe':
    case 'probed':
      return 2;
    case 'ask file':
    case 'file':
      return 3;
    case 'session':
    case 'ask sessions':
    case 'end':
      return 4;
    case 'open for':
      return 5;
    case 'test back':
    case 'tested back':
      return 6;
    default:
      return 1;
  }
};
