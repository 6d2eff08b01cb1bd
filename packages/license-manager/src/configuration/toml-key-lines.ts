// The line of a key in a TOML file, for whoever corrects it: the parser tells no lines for values that are well formed. Tables and dotted keys are followed;
// of what is written in another way (an inline table), the line of the nearest table or key above it is told.

const HEADER = /^\s*\[{1,2}([^\]]+)\]{1,2}\s*(?:#.*)?$/;
const KEY = /^\s*((?:[\w-]+|"[^"]*"|'[^']*')(?:\s*\.\s*(?:[\w-]+|"[^"]*"|'[^']*'))*)\s*=/;

const partsOf = (dotted: string): readonly string[] => dotted.split('.').map((part) => part.trim().replace(/^["']|["']$/g, ''));

/** Counted from 1; undefined where the file names nothing of the path. */
export const tomlKeyLine = (text: string, path: readonly PropertyKey[]): number | undefined => {
  const wanted = path.filter((part) => typeof part === 'string').join('.');
  let table: readonly string[] = [];
  let best: { readonly line: number; readonly length: number } | undefined;
  for (const [index, line] of text.split('\n').entries()) {
    const header = HEADER.exec(line)?.[1];
    const key = KEY.exec(line)?.[1];
    if (header !== undefined) table = partsOf(header);
    else if (key === undefined) continue;
    const here = [...table, ...(header === undefined && key !== undefined ? partsOf(key) : [])].join('.');
    const isOn = wanted === here || wanted.startsWith(`${here}.`) || (wanted !== '' && here.startsWith(`${wanted}.`));
    if (isOn && here.length > (best?.length ?? 0)) best = { line: index + 1, length: here.length };
  }
  return best?.line;
};
