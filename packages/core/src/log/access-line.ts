import type { Wall } from '../time/index.ts';
import { lineSafe, type ParamValue, saidParams } from './line-safe.ts';

// A line of the access log (C5, field-facts 2.9): the field's format, a pattern of the administrator's own, or JSON.

export const DEFAULT_PATTERN =
  '{timestamp} {clientaddr}:{clientport} {clientid} {method} {url} {function}({functionparams}) result({statuscode}){newline}';

/** Something that was asked of the license manager and answered. */
export type AccessRecord = {
  readonly at: Wall;
  /** Who: an address, its port (0 = none known), and what he calls himself. */
  readonly address: string;
  readonly port: number;
  readonly client: string;
  /** `-` where it did not come by HTTP. */
  readonly method: string;
  readonly url: string;
  readonly function: string;
  readonly params: Readonly<Record<string, ParamValue>>;
  /** Of HTTP, or of the status catalogue. */
  readonly status: number;
  readonly origin: 'local' | 'remote' | 'admin';
};

/** Which switch of the log a request belongs to. */
export const originOf = (isLocal: boolean, isAdministration: boolean): AccessRecord['origin'] =>
  isAdministration ? 'admin' : isLocal ? 'local' : 'remote';

export type LogValue =
  | 'timestamp'
  | 'clientaddr'
  | 'clientport'
  | 'clientid'
  | 'method'
  | 'url'
  | 'function'
  | 'functionparams'
  | 'statuscode'
  | 'newline';

const isoOf = (at: Wall): string => new Date(at).toISOString();

const values: Readonly<Record<LogValue, (record: AccessRecord) => string>> = {
  timestamp: ({ at }) => isoOf(at).slice(0, 19).replace('T', ' '),
  clientaddr: ({ address }) => lineSafe(address),
  clientport: ({ port }) => String(port),
  clientid: ({ client }) => (client === '' ? '-' : lineSafe(client).replaceAll(' ', '_')),
  method: ({ method }) => lineSafe(method),
  url: ({ url }) => lineSafe(url).replaceAll(' ', '%20'),
  function: (record) => lineSafe(record.function),
  functionparams: ({ params }) => saidParams(params),
  statuscode: ({ status }) => String(status),
  newline: () => '\n',
};

export type Pattern = readonly (LogValue | { readonly text: string })[];

const isValue = (name: string): name is LogValue => Object.hasOwn(values, name);

/** The parts of a pattern. What stands for a value that nobody knows is a dash in the line, and named: a file of the field may have such. */
export const accessPattern = (text: string): { readonly parts: Pattern; readonly unknown: readonly string[] } => {
  const parts: (LogValue | { readonly text: string })[] = [];
  const unknown: string[] = [];
  for (const part of text.split(/(\{[^{}]*\})/)) {
    if (part === '') continue;
    const name = part.slice(1, -1);
    if (!/^\{.*\}$/s.test(part)) parts.push({ text: lineSafe(part) });
    else if (isValue(name)) parts.push(name);
    else {
      parts.push({ text: '-' });
      unknown.push(lineSafe(name));
    }
  }
  return { parts, unknown };
};

/** What is wrong with a pattern, in a sentence; undefined = nothing. Lines are written by it all the same. */
export const patternFault = (text: string): string | undefined => {
  const { parts, unknown } = accessPattern(text);
  const known = Object.keys(values)
    .map((name) => `{${name}}`)
    .join(' ');
  if (unknown.length > 0) return `the pattern names ${unknown.map((name) => `{${name}}`).join(', ')}, and there is only ${known}`;
  if (parts.some((part) => typeof part !== 'string' && /\{\w+|\w\}/.test(part.text)))
    return 'the pattern has a brace without the other one';
  if (parts.every((part) => typeof part !== 'string' || part === 'newline')) return `the pattern has no value at all: ${known}`;
  return undefined;
};

/** With its end of line, whether the pattern has one or not. */
export const accessLine = (pattern: Pattern, record: AccessRecord): string => {
  const line = pattern.map((part) => (typeof part === 'string' ? values[part](record) : part.text)).join('');
  return line.endsWith('\n') ? line : `${line}\n`;
};

/** JSON escapes what breaks a line; what else controls something is escaped as in text. */
export const jsonLine = ({ at, params: said, ...record }: AccessRecord): string => {
  const params = Object.fromEntries(Object.entries(said).map(([name, value]) => [lineSafe(name), value]));
  return `${JSON.stringify({ at: isoOf(at), ...record, params }, (_name, value: unknown) => (typeof value === 'string' ? lineSafe(value) : value))}\n`;
};
