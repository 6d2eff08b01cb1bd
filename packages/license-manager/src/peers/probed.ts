import { Buffer } from 'node:buffer';
import { WireError } from '@keyhaven/core/bytes';
import { type Block, MAX_PADDING } from '@keyhaven/core/link';

// What another LM's doctor asks on its link (R10, K20): whether its question by UDP was heard, for one datagram to the address that its
// request came from, and for an answer of a certain size.

export type Probes = { heard(address: string, cookie: number): boolean; call(address: string, cookie: number): boolean };

const NOTHING = Buffer.alloc(0);

/** @throws WireError where an answer larger than the largest question is asked for. */
export const answerProbe = (
  probes: Probes | undefined,
  { what, number }: Extract<Block, { readonly kind: 'probe' }>,
  address: string,
): Block => {
  const probed = { kind: 'probed', what, number } as const;
  switch (what) {
    case 'heard':
      return { ...probed, yes: probes?.heard(address, number) ?? false, padding: NOTHING };
    case 'call':
      return { ...probed, yes: probes?.call(address, number) ?? false, padding: NOTHING };
    case 'size':
      if (number > MAX_PADDING) throw new WireError('more padding than a probe may ask for');
      return { ...probed, yes: true, padding: Buffer.alloc(number) };
  }
};

/** One in a body, so that what they ask for stays bounded (S14). @throws WireError */
export const refuseManyProbes = (blocks: readonly Block[]): void => {
  if (blocks.filter(({ kind }) => kind === 'probe' || kind === 'test back').length > 1)
    throw new WireError('more than one probe in a body');
};
