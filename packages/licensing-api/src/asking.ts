import { LicensingError, type SelectionNote, Status, type StatusCode } from '@keyhaven/core/errors';
import type { HostKind, Selection } from '@keyhaven/core/hosts';

// The license managers that one request was selected for, one after the other (T5): what each of them said, which of several refusals the
// application is told, and the explanation that goes with it.

export type Asking = {
  /** Those to ask, in this order. */
  readonly ask: readonly HostKind[];
  failed(kind: HostKind, error: LicensingError): void;
  /** The explanation where this one did what was asked for. */
  done(kind: HostKind): readonly SelectionNote[];
  /** That of the refusals which the application is told, as its license manager said it. */
  told(): LicensingError | undefined;
  /** What the application is told where none did. */
  refusal(): LicensingError;
  /** An error of the request itself, with the explanation. */
  explained(error: LicensingError): LicensingError;
};

const names: Readonly<Record<HostKind, string>> = { admin: 'Admin LM', external: 'External LM', integrated: 'Integrated LM' };
const notHere: ReadonlySet<StatusCode> = new Set([
  Status.KEY_NOT_FOUND,
  Status.KEYID_NOT_FOUND,
  Status.FEATURE_NOT_FOUND,
  Status.SCOPE_RESULTS_EMPTY,
  Status.UNKNOWN_RECIPIENT,
  Status.REQ_NOT_SUPP,
]);

/** The license manager has nothing to do with it: another one may. */
export const isElsewhere = ({ status }: LicensingError): boolean => notHere.has(status) || status === Status.LOCAL_COMM_ERR;

/** How much a refusal says. No Admin LM needs to run where there is another one; a near LM that does not work is a fault. */
const weight = (kind: HostKind, error: LicensingError): number => {
  if (error.status === Status.TOO_MANY_USERS) return 4;
  if (error.status === Status.LOCAL_COMM_ERR) return kind === 'admin' ? 0 : 2;
  return notHere.has(error.status) ? 1 : 3;
};

const saying = (error: LicensingError): string => `It said ${error.status} ${error.name}: ${error.detail ?? error.message}`;

const withSelection = (error: LicensingError, selection: readonly SelectionNote[]): LicensingError =>
  new LicensingError(error.status, {
    detail: error.detail,
    remedy: error.remedy,
    selection,
    ...(error.cause === undefined ? {} : { cause: error.cause }),
  });

export const createAsking = ({ ask, steps, refusal }: Selection): Asking => {
  const failures = new Map<HostKind, LicensingError>(); // BOUNDED by the kinds of license managers
  const notes = (answered?: HostKind): readonly SelectionNote[] =>
    steps.map(({ licenseManager, asked, why }) => {
      const failure = failures.get(licenseManager);
      if (failure !== undefined) return { licenseManager, asked, why: `${why} ${saying(failure)}` };
      const spared = asked && answered !== undefined && licenseManager !== answered;
      return { licenseManager, asked: asked && !spared, why: spared ? `${why} There was no need: the ${names[answered]} did it.` : why };
    });
  const told = (): LicensingError | undefined => {
    let best: { readonly error: LicensingError; readonly weight: number } | undefined;
    for (const [kind, error] of failures) {
      const own = weight(kind, error);
      // Of several without a free seat the last: there the login ended, and was counted (C2).
      if (best === undefined || own > best.weight || (own === best.weight && error.status === Status.TOO_MANY_USERS))
        best = { error, weight: own };
    }
    return best?.error;
  };
  return {
    ask,
    failed: (kind, error) => void failures.set(kind, error),
    done: notes,
    explained: (error) => (error.selection === undefined ? withSelection(error, notes()) : error),
    told,
    refusal() {
      const best = told();
      if (best !== undefined) return withSelection(best, notes());
      const { status, ...sentences } = refusal ?? { status: Status.KEY_NOT_FOUND };
      return new LicensingError(status, { ...sentences, selection: notes() });
    },
  };
};
