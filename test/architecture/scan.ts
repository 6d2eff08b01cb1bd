// A small scanner for TypeScript source: enough of the lexical grammar that comments, strings, templates and regular expressions are never
// taken for code. It knows no syntax beyond that, except how modules are named in imports and exports. Where it loses its way (an
// unterminated string) it throws, so that no file is passed over silently.

export type Token = { readonly kind: 'word' | 'string' | 'template' | 'regex' | 'punct'; readonly text: string; readonly line: number };

export type Import = {
  /** The module's name; undefined when it is computed at run time. */
  readonly from: string | undefined;
  readonly typeOnly: boolean;
  /** Imported names; `*` for the whole module (namespace, dynamic, `export *`, `require`), `default` for the default export. */
  readonly names: readonly string[];
  readonly line: number;
  /** Loaded when the code comes to it: `import(...)`. */
  readonly deferred?: boolean;
};

const BEFORE_REGEX = new Set('await case delete do else extends in instanceof new of return throw typeof void yield default'.split(' '));

const SPACE = /\s+/y;
const COMMENT = /\/\/[^\n]*|\/\*[^]*?\*\//y;
const WORD = /[#@]?[\p{L}_$][\p{L}\p{N}_$]*|\.?\d[\d_a-zA-Z.]*/uy;
const STRING = /'(?:[^'\\\n]|\\[^])*'|"(?:[^"\\\n]|\\[^])*"/y;
const REGEX = /\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/[a-z]*/y;
const PUNCT = /\?\.|\.\.\.|=>|[-+*/%&|^!<>=~?:;,.()[\]{}@]/y;
// From a backtick or from the brace that closes `${`, up to the next `${` or the closing backtick.
const TEMPLATE_PART = /(?:[^`\\$]|\\[^]|\$(?!\{))*(`|\$\{)/y;

export function scan(source: string): Token[] {
  const tokens: Token[] = [];
  // One entry for each open `${`: how many braces are open inside it.
  const templates: number[] = [];
  let at = 0;
  let line = 1;

  const take = (pattern: RegExp): string | undefined => {
    pattern.lastIndex = at;
    const text = pattern.exec(source)?.[0];
    if (text === undefined) return undefined;
    at += text.length;
    return text;
  };
  const add = (kind: Token['kind'], text: string): void => {
    tokens.push({ kind, text, line });
    line += text.split('\n').length - 1;
  };
  const template = (): void => {
    const part = take(TEMPLATE_PART);
    if (part === undefined) throw new Error(`line ${line}: template without an end`);
    if (part.endsWith('${')) templates.push(0);
    add('template', part);
  };
  const regexMayStart = (): boolean => {
    const last = tokens.at(-1);
    if (last === undefined) return true;
    if (last.kind === 'word') return BEFORE_REGEX.has(last.text);
    if (last.kind === 'template') return last.text.endsWith('${');
    return last.kind === 'punct' && ![')', ']', '}'].includes(last.text);
  };

  if (source.startsWith('#!')) at = source.indexOf('\n');
  while (at < source.length) {
    const skipped = take(SPACE) ?? take(COMMENT);
    if (skipped !== undefined) {
      line += skipped.split('\n').length - 1;
      continue;
    }
    const here = source[at];
    const open = templates.at(-1);
    if (here === '`') {
      at += 1;
      template();
      continue;
    }
    if (here === '}' && open === 0) {
      at += 1;
      templates.pop();
      template();
      continue;
    }
    if (here === '/' && regexMayStart()) {
      const regex = take(REGEX);
      if (regex !== undefined) {
        add('regex', regex);
        continue;
      }
    }
    const word = take(WORD);
    if (word !== undefined) {
      add('word', word);
      continue;
    }
    const string = take(STRING);
    if (string !== undefined) {
      add('string', string);
      continue;
    }
    const punct = take(PUNCT);
    if (punct === undefined) throw new Error(`line ${line}: cannot read ${JSON.stringify(source.slice(at, at + 20))}`);
    if (open !== undefined && punct === '{') templates[templates.length - 1] = open + 1;
    if (open !== undefined && punct === '}') templates[templates.length - 1] = open - 1;
    add('punct', punct);
  }
  return tokens;
}

const literal = (token: Token | undefined): string | undefined =>
  token?.kind === 'string' ? token.text.slice(1, -1).replace(/\\(.)/g, '$1') : undefined;

/** Names between `{` at `start` and its `}`: what the other module calls them. */
function namesInBraces(tokens: readonly Token[], start: number): { names: string[]; valueNames: number; end: number } {
  const names: string[] = [];
  let valueNames = 0;
  let end = start + 1;
  let fresh = true;
  let typed = false;
  for (; end < tokens.length && tokens[end]?.text !== '}'; end += 1) {
    const token = tokens[end];
    if (token === undefined) break;
    if (token.text === ',') {
      fresh = true;
      typed = false;
    } else if (fresh && token.text === 'type' && ![',', '}', 'as'].includes(tokens[end + 1]?.text ?? '')) {
      typed = true;
    } else if (fresh) {
      names.push(literal(token) ?? token.text);
      if (!typed) valueNames += 1;
      fresh = false;
    }
  }
  return { names, valueNames, end };
}

/** Reads the clause after `import` or `export` at `start`; undefined when it names no module. */
function clauseAt(tokens: readonly Token[], start: number): Import | undefined {
  const line = tokens[start]?.line ?? 0;
  const text = (index: number): string => tokens[index]?.text ?? '';
  const isImport = text(start) === 'import';
  let at = start + 1;
  const bare = literal(tokens[at]);
  if (isImport && bare !== undefined) return { from: bare, typeOnly: false, names: [], line };

  // `import type from './x.ts'` imports a default named type; every other `type` here is the modifier.
  let typeOnly = text(at) === 'type' && !(text(at + 1) === 'from' && tokens[at + 2]?.kind === 'string');
  if (typeOnly) at += 1;
  const names: string[] = [];
  let valueNames = 0;
  if (isImport && tokens[at]?.kind === 'word' && text(at) !== 'from') {
    names.push('default');
    valueNames += 1;
    at += text(at + 1) === ',' ? 2 : 1;
  } else if (isImport && text(at) === 'from' && text(at + 1) === 'from') {
    names.push('default');
    valueNames += 1;
    at += 1;
  }
  if (text(at) === '*') {
    names.push('*');
    valueNames += 1;
    at += text(at + 1) === 'as' ? 3 : 1;
  } else if (text(at) === '{') {
    const braces = namesInBraces(tokens, at);
    names.push(...braces.names);
    valueNames += braces.valueNames;
    at = braces.end + 1;
  } else if (!isImport) {
    return undefined;
  }
  const from = text(at) === 'from' ? literal(tokens[at + 1]) : undefined;
  if (from === undefined) {
    if (isImport) throw new Error(`line ${line}: an import that this scanner does not understand`);
    return undefined;
  }
  typeOnly ||= names.length > 0 && valueNames === 0;
  return { from, typeOnly, names, line };
}

/** Every module that the source names: static, type-only, re-exported, dynamic, in types, by `require`. */
export function importsOf(tokens: readonly Token[]): Import[] {
  const found: Import[] = [];
  for (const [index, token] of tokens.entries()) {
    if (token.kind !== 'word' || !['import', 'export', 'require'].includes(token.text)) continue;
    const before = tokens[index - 1]?.text;
    const next = tokens[index + 1]?.text;
    if (before === '.' || before === '?.') continue;
    if (next === '(' && token.text !== 'export') {
      const typeOnly = token.text === 'import' && (before === 'typeof' || before === ':');
      const deferred = token.text === 'import' && !typeOnly;
      found.push({ from: literal(tokens[index + 2]), typeOnly, names: ['*'], line: token.line, ...(deferred ? { deferred } : {}) });
    } else if (token.text === 'export' || (token.text === 'import' && next !== '.' && next !== ':' && next !== ',')) {
      const clause = clauseAt(tokens, index);
      if (clause !== undefined) found.push(clause);
    }
  }
  return found;
}
