import { MAX_DYNAMIC_FILE, MAX_DYNAMIC_FILES, MAX_DYNAMIC_TOTAL, MAX_ID } from '@keyhaven/core/license';
import { z } from 'zod';
import { contents, distinctIds, shape } from './catalog-words.ts';
import { whole } from './license-schema.ts';

// The memory of a product in catalog.yaml (K3).

export const MAX_READ_WRITE = 4_032;
export const MAX_READ_ONLY = 2_048;

const fileFields = {
  size: whole(1, MAX_DYNAMIC_FILE),
  access: z.enum(['ro', 'rw', 'rwo'], { error: 'must be ro, rw or rwo' }),
  data: contents.optional(),
};
const fits = (value: { readonly size: number; readonly data?: Uint8Array | undefined }, context: z.RefinementCtx): void => {
  const bytes = value.data?.length ?? 0;
  if (bytes > value.size)
    context.addIssue({ code: 'custom', path: ['data'], message: `has ${bytes} bytes, but the file has ${value.size} only` });
};
const SHAPE = shape('must be fields such as {id: 1, size: 100, access: rw}');
/** One dynamic file without its id, as an action of an update has it. */
export const memoryFile = z.strictObject(fileFields, SHAPE).superRefine(fits);
const dynamicFile = z.strictObject({ id: whole(1, MAX_ID), ...fileFields }, SHAPE).superRefine(fits);

export const memory = z
  .strictObject(
    {
      readWrite: whole(0, MAX_READ_WRITE).default(MAX_READ_WRITE),
      readOnly: whole(0, MAX_READ_ONLY).default(MAX_READ_ONLY),
      dynamic: z
        .array(dynamicFile, { error: 'must be a list of files' })
        .max(MAX_DYNAMIC_FILES, { error: `must have at most ${MAX_DYNAMIC_FILES} entries` })
        .superRefine(distinctIds)
        .superRefine((files, context) => {
          const total = files.reduce((sum, { size }) => sum + size, 0);
          if (total > MAX_DYNAMIC_TOTAL) context.addIssue(`has ${total} bytes in all, at most ${MAX_DYNAMIC_TOTAL} are possible`);
        })
        .default([]),
      readOnlyData: contents.optional(),
      readWriteData: contents.optional(),
    },
    shape('must be fields such as {readWrite: 4032, readOnly: 2048}'),
  )
  .superRefine((value, context) => {
    for (const file of ['readOnly', 'readWrite'] as const) {
      const size = value[`${file}Data`]?.length ?? 0;
      if (size > value[file]) {
        context.addIssue({ code: 'custom', path: [`${file}Data`], message: `has ${size} bytes, but ${file} is ${value[file]} only` });
      }
    }
  });
