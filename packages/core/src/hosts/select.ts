import { Status, type StatusCode } from '../errors/index.ts';
import { faultOfServing, type HostKind, type KeyKind, keyKinds, serves } from './serves.ts';

// T5: which license managers an application asks, and why each of them is asked or not. The one place that decides it.
//
// - An External LM beside the application is used instead of the Integrated LM: never both.
// - Keys that only an Admin LM serves are looked for at the one on 127.0.0.1:1947, and through near LMs only where these search others.
// - Where nothing speaks for a near LM, the Admin LM alone is asked: no process and no thread is started for nothing.
// - Own keys come first: near LM before Admin LM where the user has a store, the other way round elsewhere.

export const lmChoices = ['auto', 'admin', 'external', 'integrated'] as const;
export type LmChoice = (typeof lmChoices)[number];

export type Situation = {
  readonly choice: LmChoice;
  /** Whether an Admin LM runs on this computer. */
  readonly adminRuns: 'yes' | 'no' | 'unknown';
  /** An External LM file lies beside the application, or is named by its configuration. */
  readonly externalBeside: boolean;
  /** This application can start an Integrated LM. */
  readonly integratedAvailable: boolean;
  /** The user has a store of SL UserMode keys of this vendor. */
  readonly userStore: boolean;
  /** The settings of near LMs name other computers, or broadcast addresses (R2). */
  readonly nearSearch: boolean;
  /** What the scope admits; empty is judged by the license managers themselves, as is everything else in a scope. */
  readonly kinds: readonly KeyKind[];
};

/** What became of one license manager. */
export type SelectionStep = { readonly licenseManager: HostKind; readonly asked: boolean; readonly why: string };
export type Selection = {
  /** In this order; empty where the login is refused. */
  readonly ask: readonly HostKind[];
  /** One for each license manager: those that are asked in their order, then the others. */
  readonly steps: readonly SelectionStep[];
  /** Why nobody can be asked. */
  readonly refusal?: { readonly status: StatusCode; readonly detail: string; readonly remedy: string };
};

type Verdict = { readonly asked: boolean; readonly why: string; readonly refusal?: Selection['refusal'] };
type NearKind = Exclude<HostKind, 'admin'>;

const names: Readonly<Record<HostKind, string>> = { admin: 'Admin LM', external: 'External LM', integrated: 'Integrated LM' };
const spelled: Readonly<Record<KeyKind, string>> = {
  'hl-driverless': 'HL (driverless)',
  'hl-hasp': 'HL (HASP)',
  'sl-adminmode': 'SL AdminMode',
  'sl-usermode': 'SL UserMode',
  'sl-legacy': 'SL Legacy',
};
const listed = (kinds: readonly KeyKind[]): string => kinds.map((kind) => spelled[kind]).join(', ');

const passed = (why: string): Verdict => ({ asked: false, why });
const asked = (why: string): Verdict => ({ asked: true, why });
const refused = (status: StatusCode, why: string, remedy: string): Verdict => ({
  asked: false,
  why,
  refusal: { status, detail: why, remedy },
});

/** Any of the kinds on this computer. What a near LM does not hold here, an Admin LM elsewhere may serve (T2). */
const holds = (host: HostKind, kinds: readonly KeyKind[]): boolean => kinds.some((kind) => serves(host, kind));
/** What a license manager of this kind would say itself, where it would say the same of all these keys. */
const unserved = (host: HostKind, kinds: readonly KeyKind[]): Verdict => {
  const faults = kinds.flatMap((kind) => faultOfServing(host, kind) ?? []);
  const [first] = faults;
  const alike = first !== undefined && faults.every(({ status }) => status === first.status);
  return refused(
    alike ? first.status : Status.REQ_NOT_SUPP,
    `The scope leaves only keys that an ${names[host]} does not serve: ${listed(kinds)}.`,
    alike ? first.remedy : 'Log in through a license manager that serves such keys, or to a key of another type.',
  );
};

const adminFor = ({ choice, adminRuns }: Situation, kinds: readonly KeyKind[]): Verdict => {
  if (choice !== 'auto' && choice !== 'admin') return passed(`The application asked for the ${names[choice]} only.`);
  if (!holds('admin', kinds)) return unserved('admin', kinds);
  if (adminRuns === 'no') {
    return refused(Status.LOCAL_COMM_ERR, 'No Admin LM runs on this computer.', 'Start the license manager service of this computer.');
  }
  return asked(
    choice === 'admin'
      ? 'The application asked for it.'
      : kinds.some((kind) => !serves('external', kind))
        ? 'It serves all keys of this computer but SL UserMode keys, and those of the network.'
        : 'It serves such keys of this computer, and those of the network.',
  );
};

const missing: Readonly<Record<NearKind, readonly [status: StatusCode, why: string, remedy: string]>> = {
  external: [
    Status.LOCAL_COMM_ERR,
    'No External LM lies beside the application.',
    'Put the file keyhaven-external-lm into the folder of the application, or leave lm out.',
  ],
  integrated: [
    Status.REQ_NOT_SUPP,
    'This application cannot start an Integrated LM.',
    'Put an External LM beside the application, or leave lm out.',
  ],
};

const chosenNear = (host: NearKind, situation: Situation, kinds: readonly KeyKind[]): Verdict => {
  const there = host === 'external' ? situation.externalBeside : situation.integratedAvailable;
  if (!there) return refused(...missing[host]);
  return holds(host, kinds) || situation.nearSearch ? asked('The application asked for it.') : unserved(host, kinds);
};

const nearFor = (host: NearKind, situation: Situation, kinds: readonly KeyKind[]): Verdict => {
  const { choice, externalBeside, userStore } = situation;
  if (choice === host) return chosenNear(host, situation, kinds);
  if (choice !== 'auto') return passed(`The application asked for the ${names[choice]} only.`);
  if (host === 'external' && !externalBeside) return passed(missing.external[1]);
  if (host === 'integrated' && externalBeside) return passed('The External LM beside the application is used instead.');
  if (host === 'integrated' && !situation.integratedAvailable) return passed(missing.integrated[1]);
  if (holds(host, kinds)) {
    if (userStore && kinds.includes('sl-usermode')) return asked('The user has a store of keys of this vendor.');
    if (externalBeside) return asked('It lies beside the application.');
    if (!holds('admin', kinds)) return asked('Only it serves such keys.');
  }
  if (situation.nearSearch) return asked('Its settings name other license managers to ask.');
  return holds(host, kinds)
    ? passed('There is no store of keys of this vendor for it, and its settings name no license manager to ask.')
    : passed(`It does not serve such keys: ${listed(kinds)}.`);
};

/** Never throws; pure. */
export const select = (situation: Situation): Selection => {
  const kinds = situation.kinds.length === 0 ? keyKinds : situation.kinds;
  const near = situation.externalBeside ? (['external', 'integrated'] as const) : (['integrated', 'external'] as const);
  const ownFirst = situation.userStore && kinds.includes('sl-usermode');
  const order: readonly HostKind[] = ownFirst ? [...near, 'admin'] : ['admin', ...near];
  const verdicts = order.map((host) => ({ host, ...(host === 'admin' ? adminFor(situation, kinds) : nearFor(host, situation, kinds)) }));
  const steps = [...verdicts.filter((each) => each.asked), ...verdicts.filter((each) => !each.asked)].map(
    (each): SelectionStep => ({ licenseManager: each.host, asked: each.asked, why: each.why }),
  );
  const ask = verdicts.filter((each) => each.asked).map(({ host }) => host);
  const refusal = ask.length > 0 ? undefined : verdicts.find((each) => each.refusal !== undefined)?.refusal;
  return { ask, steps, ...(refusal === undefined ? {} : { refusal }) };
};

/** One line for each step, for people. */
export const explainSelection = ({ steps }: Pick<Selection, 'steps'>): readonly string[] =>
  steps.map((step) => `${names[step.licenseManager]}: ${step.asked ? 'asked' : 'passed over'}. ${step.why}`);
