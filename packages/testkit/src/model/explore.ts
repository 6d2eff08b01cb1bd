import { createHash } from 'node:crypto';

// Looks at every state that a machine can reach, in the order of how many moves it takes: so the first violation that is found has a shortest
// trace. A machine is plain data and pure functions; two states with the same key have the same future.

export type Move<S> = { readonly name: string; readonly next: () => S };
export type Machine<S> = {
  readonly name: string;
  readonly initial: S;
  /** Canonical: what cannot make a difference later does not make one here. */
  key(state: S): string;
  moves(state: S): readonly Move<S>[];
  /** What must never be, in a sentence that names its invariant; undefined = all is well. */
  fault(state: S): string | undefined;
  /** A state in a few lines, for people. */
  show(state: S): string;
};

export type Exploration = {
  readonly machine: string;
  readonly states: number;
  readonly transitions: number;
  /** The most moves that a state needs. */
  readonly depth: number;
  /** Every reachable state was seen: the machine has no others. False where a limit ended the search. */
  readonly complete: boolean;
  readonly seconds: number;
  readonly violation: { readonly fault: string; readonly trace: readonly string[]; readonly state: string } | undefined;
};

/** 96 bits: of 100 million states two are taken for one with a chance of 1 in 10^13. */
const digest = (key: string): string => createHash('sha256').update(key).digest('base64url').slice(0, 16);

export const explore = <S>(
  machine: Machine<S>,
  limits: { readonly states?: number; readonly seconds?: number; readonly depth?: number } = {},
): Exploration => {
  const begun = performance.now();
  const { states: most = Number.POSITIVE_INFINITY, seconds = Number.POSITIVE_INFINITY, depth: deepest = Number.POSITIVE_INFINITY } = limits;
  const seen = new Set<string>(); // BOUNDED by `states`
  const parents: number[] = [];
  const names: string[] = [];
  let transitions = 0;
  let depth = 0;
  let frontier: { readonly state: S; readonly index: number }[] = [];

  const trace = (last: number): string[] => {
    const steps: string[] = [];
    for (let index = last; index > 0; index = parents[index] ?? 0) steps.push(names[index] ?? '');
    return steps.toReversed();
  };
  const report = (complete: boolean, violation?: Exploration['violation']): Exploration => ({
    machine: machine.name,
    states: seen.size,
    transitions,
    depth,
    complete,
    seconds: (performance.now() - begun) / 1_000,
    violation,
  });
  /** @returns what is wrong with a state that was not seen before */
  const visit = (state: S, parent: number, name: string, into: typeof frontier): Exploration['violation'] => {
    const key = digest(machine.key(state));
    if (seen.has(key)) return undefined;
    seen.add(key);
    const index = parents.push(parent) - 1;
    names.push(name);
    into.push({ state, index });
    const fault = machine.fault(state);
    return fault === undefined ? undefined : { fault, trace: trace(index), state: machine.show(state) };
  };

  const wrong = visit(machine.initial, 0, '', frontier);
  if (wrong !== undefined) return report(false, wrong);
  while (frontier.length > 0) {
    if (depth >= deepest) return report(false);
    const next: typeof frontier = [];
    for (const { state, index } of frontier) {
      for (const move of machine.moves(state)) {
        transitions += 1;
        const violation = visit(move.next(), index, move.name, next);
        if (violation !== undefined) {
          depth += 1;
          return report(false, violation);
        }
      }
      if (seen.size >= most || performance.now() - begun > seconds * 1_000) return report(false);
    }
    if (next.length > 0) depth += 1;
    frontier = next;
  }
  return report(true);
};

/** What was found, for the message of a test that fails. */
export const violationText = ({ machine, violation, states }: Exploration): string =>
  violation === undefined
    ? `${machine}: nothing wrong in ${states} states`
    : `${machine}: ${violation.fault}\n${violation.trace.map((step, index) => `  ${index + 1}. ${step}`).join('\n')}\n${violation.state}`;
