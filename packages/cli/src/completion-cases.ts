import { type CompletionNode, quoted } from './completion-tree.ts';

// The tree of commands as case statements, which bash and zsh both understand.

const statement = (on: string, cases: readonly (readonly [pattern: string, then: string])[]): string =>
  [`  case ${on} in`, ...cases.map(([pattern, then]) => `    ${pattern}) ${then} ;;`), '  esac'].join('\n');

/** By the path of the command. */
export const caseOf = (tree: readonly CompletionNode[], then: (node: CompletionNode) => string | undefined): string =>
  statement(
    '"$1"',
    tree.flatMap((node) => {
      const said = then(node);
      return said === undefined ? [] : [[quoted(node.path), said] as const];
    }),
  );

/** By the path of the command and the name of an option. */
export const takes = (tree: readonly CompletionNode[]): string =>
  statement(
    '"$1|$2"',
    tree.flatMap(({ path, options }) =>
      options.flatMap(({ name, takes: kind, slot }) =>
        kind === 'nothing' ? [] : [[quoted(`${path}|${name}`), `kind=${kind} slot=${quoted(slot)}`] as const],
      ),
    ),
  );

/** By the path of the command and how many arguments come before; the last one may be there again and again. */
export const places = (tree: readonly CompletionNode[]): string =>
  statement(
    '"$1|$2"',
    tree.flatMap(({ path, places: all, repeats }) =>
      all.map((slot, index) => {
        const pattern = repeats && index === all.length - 1 ? `${quoted(`${path}|`)}*` : quoted(`${path}|${index}`);
        return [pattern, `slot=${quoted(slot)}`] as const;
      }),
    ),
  );
