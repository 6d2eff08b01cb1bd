import { exampleRules, exampleSites } from './examples.ts';
import type { Range, Traffic } from './kinds.ts';
import { isImplied, type Rule } from './rules.ts';
import { traffic } from './traffic.ts';

// What docs/network.md has from the code. It stands there between two marks, and a test compares (core/network/document.test.ts).

const begin = (name: string): string => `<!-- ${name}: written by scripts/network-doc.ts -->`;
const END = '<!-- end -->';

/** The document with every part between marks as the code says it now. @throws RangeError where a part is missing. */
export const withTables = (document: string): string => {
  const parts = { traffic: trafficTable(), ...Object.fromEntries(exampleSites.map((site) => [site, ruleTable(exampleRules(site))])) };
  return Object.entries(parts).reduce((text, [name, part]) => {
    const start = text.indexOf(begin(name));
    const end = text.indexOf(END, start);
    if (start < 0 || end < 0) throw new RangeError(`the document has no part ${name}`);
    return `${text.slice(0, start)}${begin(name)}\n${part}\n${text.slice(end)}`;
  }, document);
};

/** Rules for people, without those that filters know by themselves. */
const ruleTable = (rules: readonly Rule[]): string =>
  [
    '| | Protocol | Interface | Other side | Own port | Other port | Reason |',
    '| --- | --- | --- | --- | --- | --- | --- |',
    ...rules
      .filter((rule) => !isImplied(rule))
      .map(({ direction, transport, interface: on, remote, localPort, remotePort, reason }) => {
        const others = remote.length === 0 ? 'any' : remote.join(', ');
        return `| ${[direction, transport === 'dns' ? 'UDP, TCP' : transport.toUpperCase(), on ?? 'any', others, localPort ?? 'any', remotePort ?? 'any', reason].join(' | ')} |`;
      }),
  ].join('\n');

/** Every kind of traffic. */
const trafficTable = (): string =>
  [
    '| Kind | When | From | To | Protocol | Ports | Bytes | How often | Why | Clause |',
    '| --- | --- | --- | --- | --- | --- | --- | --- | --- | --- |',
    ...traffic.map(row),
  ].join('\n');

const row = (each: Traffic): string =>
  `| ${[
    each.layer === 'request' ? `*${each.kind}*` : `**${each.kind}**`,
    each.trigger,
    each.from,
    each.to,
    each.transport,
    each.ports,
    each.answer === undefined ? sayRange(each.bytes) : `${sayRange(each.bytes)}; answer ${sayRange(each.answer)}`,
    each.interval,
    each.purpose,
    each.clause,
  ].join(' | ')} |`;

const sayRange = ({ least, most }: Range): string => (least === most ? grouped(least) : `${grouped(least)} to ${grouped(most)}`);

const grouped = (value: number): string => String(value).replaceAll(/\B(?=(?:\d{3})+$)/g, ',');
