import { ask, asProblem, Problem } from './api/http.ts';

// Files that were handed over, one after the other, as they came.

export type UpdateResult = {
  readonly key: string;
  readonly updateCounter: number;
  readonly ack?: string;
  readonly updates?: readonly {
    readonly key: string;
    readonly updates: number;
    readonly status: number;
    readonly updateCounter?: number;
    readonly name?: string;
    readonly detail?: string;
  }[];
};

type Outcome =
  | { readonly state: 'applied'; readonly result: UpdateResult }
  /** An ID of another computer: no license, but what detach and rehost ask for. */
  | { readonly state: 'recipient' }
  | { readonly state: 'refused'; readonly problem: Problem };
export type Handed = { readonly id: number; readonly name: string; readonly size: number } & ({ readonly state: 'waiting' } | Outcome);

/** As the license manager has it; a larger file is not even sent. */
const FILE_LIMIT = 12 * 1024 * 1024;

/** What became of it. Never rejects. */
export const applyFile = async (file: File): Promise<Outcome> => {
  try {
    if (file.size > FILE_LIMIT) return { state: 'refused', problem: tooLarge() };
    const text = await file.text();
    if (/^\s*-----BEGIN KEYHAVEN ID-----/.test(text)) return { state: 'recipient' };
    return { state: 'applied', result: await ask<UpdateResult>('POST', '/api/v1/apply', { text }) };
  } catch (error) {
    return { state: 'refused', problem: asProblem(error) };
  }
};

const tooLarge = (): Problem =>
  new Problem({
    http: 413,
    code: 15,
    title: 'INV_FORMAT',
    detail: `The file is larger than ${FILE_LIMIT / 1024 / 1024} MiB, which no license file is.`,
    remedy: 'Give the file that the vendor sent, as it came.',
  });
