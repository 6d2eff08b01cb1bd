import { Buffer } from 'node:buffer';
import { fromBase64 } from '@keyhaven/core/bytes';
import { z } from 'zod';

// Words that the parts of the catalog's schema share.

export const shape = (wanted: string) => ({
  error: (issue: { code?: string | undefined }) => (issue.code === 'invalid_type' ? wanted : undefined),
});

// YAML reads 0001 and 1e10 as numbers.
const quoted = z.string({ error: 'must be in quotes' });
export const contents = z
  .strictObject(
    { text: quoted.optional(), hex: quoted.optional(), base64: quoted.optional() },
    shape('must be {text: ...}, {hex: ...} or {base64: ...}'),
  )
  .transform((value, context): Buffer => {
    const { text, hex, base64 } = value;
    const bytes = [
      text === undefined ? [] : [Buffer.from(text, 'utf8')],
      hex === undefined ? [] : [/^([0-9a-f]{2})*$/i.test(hex) ? Buffer.from(hex, 'hex') : undefined],
      base64 === undefined ? [] : [fromBase64(base64.replaceAll(/\s/g, ''))],
    ].flat();
    const [only] = bytes;
    if (only !== undefined && bytes.length === 1) return only;
    context.addIssue(bytes.length === 1 ? 'must be valid hex or base64' : 'must be exactly one of text, hex and base64');
    return z.NEVER;
  });

/** Faults where an id is there a second time. */
export const distinctIds = (items: readonly { readonly id: number }[], context: z.RefinementCtx): void => {
  const seen = new Set<number>();
  for (const [index, { id }] of items.entries()) {
    if (seen.has(id)) context.addIssue({ code: 'custom', path: [index, 'id'], message: `the id ${id} is there twice` });
    seen.add(id);
  }
};
