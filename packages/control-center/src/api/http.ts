// The admin API as the pages ask it. Same origin only; what is refused is a Problem with its remedy.

export class Problem extends Error {
  /** Of HTTP; 0 = no answer at all. */
  readonly http: number;
  /** Of the catalogue. */
  readonly code: number;
  /** The name in the catalogue. */
  readonly title: string;
  readonly remedy: string;
  constructor(of: {
    readonly http: number;
    readonly code: number;
    readonly title: string;
    readonly detail: string;
    readonly remedy: string;
  }) {
    super(of.detail);
    this.http = of.http;
    this.code = of.code;
    this.title = of.title;
    this.remedy = of.remedy;
  }
}

export type Body = { readonly json: unknown } | { readonly text: string };

const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

const problemOf = (http: number, said: string): Problem => {
  let found: Readonly<Record<string, unknown>> = {};
  try {
    const parsed: unknown = JSON.parse(said);
    if (typeof parsed === 'object' && parsed !== null) found = { ...parsed };
  } catch {
    // Not of the license manager: told by its number.
  }
  return new Problem({
    http,
    code: typeof found['code'] === 'number' ? found['code'] : 0,
    title: textOf(found['name']) || `HTTP ${http}`,
    detail: textOf(found['detail']) || textOf(found['message']) || 'The license manager gave no reason.',
    remedy: textOf(found['remedy']) || 'Try again; if it stays, look at the Diagnostics page.',
  });
};

const unreachable = (): Problem =>
  new Problem({
    http: 0,
    code: 0,
    title: 'NO_ANSWER',
    detail: 'The license manager does not answer.',
    remedy: 'See whether it runs: on its computer, `keyhaven status`. This page goes on by itself when it is back.',
  });

/** The text of the answer. @throws Problem */
export const askText = async (method: string, url: string, body?: Body): Promise<string> => {
  const headers: Record<string, string> = {};
  if (body !== undefined) headers['content-type'] = 'json' in body ? 'application/json' : 'text/plain';
  const sent = body === undefined ? null : 'json' in body ? JSON.stringify(body.json) : body.text;
  let answer: Response;
  let said: string;
  try {
    answer = await fetch(url, { method, headers, body: sent, credentials: 'same-origin', cache: 'no-store' });
    said = await answer.text();
  } catch {
    throw unreachable();
  }
  if (!answer.ok) throw problemOf(answer.status, said);
  return said;
};

/** The value of the answer, in the shape that the API promises. @throws Problem */
export const ask = async <T>(method: string, url: string, body?: Body): Promise<T> => JSON.parse(await askText(method, url, body)) as T;

export const asProblem = (error: unknown): Problem =>
  error instanceof Problem
    ? error
    : new Problem({
        http: 0,
        code: 0,
        title: 'PAGE',
        detail: error instanceof Error ? error.message : String(error),
        remedy: 'Load the page again. If it stays, tell it to whoever maintains Keyhaven.',
      });
