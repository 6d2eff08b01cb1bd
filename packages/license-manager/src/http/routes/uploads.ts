import type { Buffer } from 'node:buffer';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { z } from 'zod';
import type { HttpFaces } from '../faces.ts';
import { problemOf } from '../problem.ts';
import { answers, files, type Route, route, type SentFile } from '../route.ts';
import { problem, updateResult } from '../shapes.ts';
import { FILE_LIMIT } from './licenses.ts';

// License files as the page and curl send them. Nothing of them is stored before a key has taken it, and nothing is unpacked (S1, S2).

/** What people send instead of a license, by how it begins. */
const others: readonly (readonly [begins: string, what: string])[] = [
  ['PK\x03\x04', 'a ZIP archive'],
  ['\x1f\x8b', 'a compressed file'],
  ['7z\xbc\xaf', 'an archive'],
  ['Rar!', 'an archive'],
  ['%PDF', 'a PDF'],
  ['\x89PNG', 'a picture'],
  ['\xff\xd8\xff', 'a picture'],
  ['MZ', 'a program'],
  ['\x7fELF', 'a program'],
];
const checked = (bytes: Buffer): string => {
  const text = bytes.toString('latin1');
  const what = text.trim() === '' ? 'empty' : others.find(([begins]) => text.startsWith(begins))?.[1];
  if (what === undefined) return text;
  throw new LicensingError(Status.INV_FORMAT, {
    detail: `The file is ${what} and no license.`,
    remedy: 'Send the license file of the vendor itself: V2C, V2CP, H2R, R2H or H2H.',
  });
};

const result = z.strictObject({
  file: z.string(),
  applied: updateResult.optional(),
  problem: problem.optional().meta({ description: 'Why nothing of it was taken.' }),
});

export const uploadRoutes = (faces: Pick<HttpFaces, 'apply'>): Route[] => {
  const take = async ({ name, bytes }: SentFile) => ({ file: name, applied: await faces.apply(checked(bytes)) });
  const taken = async (file: SentFile): Promise<z.infer<typeof result>> => {
    try {
      return (await take(file)) as z.infer<typeof result>;
    } catch (error) {
      if (error instanceof LicensingError) return { file: file.name, problem: problemOf(error) };
      throw error;
    }
  };
  return [
    route({
      method: 'POST',
      url: '/api/v1/upload',
      need: 'write',
      summary: 'Applies license files, one after the other; of a single one a refusal is the answer, of several each is told',
      body: files(FILE_LIMIT, 'License files'),
      answer: answers(z.strictObject({ results: z.array(result) })),
      async run({ body }) {
        const [only] = body;
        if (body.length === 1 && only !== undefined) return { results: [await take(only)] };
        const results: z.infer<typeof result>[] = []; // BOUNDED by the files of a body
        for (const file of body) results.push(await taken(file));
        return { results };
      },
    }),
  ];
};
