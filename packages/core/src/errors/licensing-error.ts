import { explain } from './catalogue.ts';
import type { StatusCode, StatusName } from './status.ts';

/** What became of one license manager that a request could have gone to (T5). */
export type SelectionNote = { readonly licenseManager: string; readonly asked: boolean; readonly why: string };

export type LicensingErrorOptions = {
  /** One sentence on the particular cause; follows the sentence of the catalogue. */
  readonly detail?: string | undefined;
  /** Takes the place of the remedy of the catalogue where a better one is known. */
  readonly remedy?: string | undefined;
  readonly cause?: unknown;
  /** Of a request that a license manager was selected for. */
  readonly selection?: readonly SelectionNote[] | undefined;
};

/** The one class of failure (SPEC A2). `name` is the name of the status, so that a log line names it. */
export class LicensingError extends Error {
  readonly status: StatusCode;
  override readonly name: StatusName;
  readonly remedy: string;
  readonly detail: string | undefined;
  /** Which license managers were asked, which not, and why (T5); undefined where none had to be selected. */
  readonly selection: readonly SelectionNote[] | undefined;

  constructor(status: StatusCode, options: LicensingErrorOptions = {}) {
    const entry = explain(status);
    const detail = options.detail === undefined || options.detail === '' ? undefined : sentence(options.detail);
    super(detail === undefined ? entry.message : `${entry.message} ${detail}`, 'cause' in options ? { cause: options.cause } : undefined);
    this.status = status;
    this.name = entry.name;
    this.remedy = sentence(options.remedy ?? entry.remedy);
    this.detail = detail;
    this.selection = options.selection;
  }

  get statusName(): StatusName {
    return this.name;
  }

  /** `selection` as lines for people. */
  get explanation(): readonly string[] | undefined {
    return this.selection?.map(({ licenseManager, asked, why }) => `${licenseManager}: ${asked ? 'asked' : 'not asked'}. ${why}`);
  }

  /** What `--json` and the admin API show of a failure. */
  toJSON(): { status: StatusCode; name: StatusName; message: string; remedy: string; selection?: readonly SelectionNote[] } {
    const { status, name, message, remedy, selection } = this;
    return { status, name, message, remedy, ...(selection === undefined ? {} : { selection }) };
  }
}

/** `error <number> <NAME>: what happened. What to do.`, always one line. */
export function formatError(error: LicensingError): string {
  // A detail may quote bytes from outside; what controls, breaks or turns lines in it must not forge any (S8).
  return `error ${error.status} ${error.name}: ${error.message} ${error.remedy}`.replaceAll(
    /[\p{Cc}\p{Zl}\p{Zp}\u202a-\u202e\u2066-\u2069]+/gu,
    ' ',
  );
}

const sentence = (text: string): string => (/[.!?]$/.test(text) ? text : `${text}.`);
