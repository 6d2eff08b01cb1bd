import { explain } from './catalogue.ts';
import type { StatusCode, StatusName } from './status.ts';

export type LicensingErrorOptions = {
  /** One sentence on the particular cause; follows the sentence of the catalogue. */
  readonly detail?: string | undefined;
  /** Takes the place of the remedy of the catalogue where a better one is known. */
  readonly remedy?: string | undefined;
  readonly cause?: unknown;
};

/** The one class of failure (SPEC A2). `name` is the name of the status, so that a log line names it. */
export class LicensingError extends Error {
  readonly status: StatusCode;
  override readonly name: StatusName;
  readonly remedy: string;
  readonly detail: string | undefined;

  constructor(status: StatusCode, options: LicensingErrorOptions = {}) {
    const entry = explain(status);
    const detail = options.detail === undefined || options.detail === '' ? undefined : sentence(options.detail);
    super(detail === undefined ? entry.message : `${entry.message} ${detail}`, 'cause' in options ? { cause: options.cause } : undefined);
    this.status = status;
    this.name = entry.name;
    this.remedy = sentence(options.remedy ?? entry.remedy);
    this.detail = detail;
  }

  get statusName(): StatusName {
    return this.name;
  }

  /** What `--json` and the admin API show of a failure. */
  toJSON(): { status: StatusCode; name: StatusName; message: string; remedy: string } {
    return { status: this.status, name: this.name, message: this.message, remedy: this.remedy };
  }
}

/** `error <number> <NAME>: what happened. What to do.`, always one line. */
export function formatError(error: LicensingError): string {
  // A detail may quote bytes from outside; control characters in it must not forge log lines (S8).
  return `error ${error.status} ${error.name}: ${error.message} ${error.remedy}`.replaceAll(/\p{Cc}+/gu, ' ');
}

const sentence = (text: string): string => (/[.!?]$/.test(text) ? text : `${text}.`);
