import { Status, type StatusCode, type StatusName, type StatusText } from './status.ts';
import { identityTexts } from './texts-identity.ts';
import { licenseTexts } from './texts-license.ts';
import { requestTexts } from './texts-request.ts';

// Every status with its name and its two sentences. The annotation of `texts` makes the compiler insist on a text for every status.

export type StatusEntry = {
  readonly status: StatusCode;
  readonly name: StatusName;
  readonly message: string;
  readonly remedy: string;
};

const texts: Readonly<Record<StatusName, StatusText>> = { ...requestTexts, ...licenseTexts, ...identityTexts };

const isStatusName = (name: string): name is StatusName => Object.hasOwn(Status, name);

/** All statuses in the order of their numbers. */
export const catalogue: readonly StatusEntry[] = Object.keys(Status)
  .filter(isStatusName)
  .map((name) => {
    const [message, remedy] = texts[name];
    return { status: Status[name], name, message, remedy };
  });

const byNumber: ReadonlyMap<number, StatusEntry> = new Map(catalogue.map((entry) => [entry.status, entry]));

/** The status behind a number from the wire or a file; undefined for a number that is no status. */
export const statusOf = (value: number): StatusCode | undefined => byNumber.get(value)?.status;

/** The name and the sentences of a status. */
export function explain(status: StatusCode): StatusEntry {
  const entry = byNumber.get(status);
  if (entry === undefined) throw new RangeError(`no status has the number ${status}`);
  return entry;
}
