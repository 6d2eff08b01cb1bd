import { withoutZone } from '../discovery/index.ts';
import { isImplied, plainText, type Rule } from './rules.ts';

// Rules as commands of ufw. It lets loopback, answers of connections and the neighbour discovery of IPv6 through by itself.

const endpoint = (side: string, address: string, port: number | undefined): string =>
  `${side} ${address}${port === undefined ? '' : ` port ${port}`}`;

/** Names of interfaces are words almost always. */
const word = (name: string): string => (/^[\w.-]+$/.test(name) ? name : `'${plainText(name)}'`);

const commands = (rule: Rule): string[] => {
  const on = rule.interface === undefined ? '' : ` on ${word(rule.interface)}`;
  const protocols = rule.transport === 'dns' ? (['udp', 'tcp'] as const) : [rule.transport];
  const remotes = rule.remote.length === 0 ? ['any'] : rule.remote.map(withoutZone);
  return remotes.flatMap((remote) =>
    protocols.map((protocol) => {
      const local = rule.family === undefined || rule.remote.length === 0 ? 'any' : rule.family === 6 ? '::/0' : '0.0.0.0/0';
      const ends =
        rule.direction === 'in'
          ? [endpoint('from', remote, rule.remotePort), endpoint('to', local, rule.localPort)]
          : [endpoint('from', local, rule.localPort), endpoint('to', remote, rule.remotePort)];
      return `ufw allow ${rule.direction}${on} proto ${protocol} ${ends.join(' ')} comment '${plainText(rule.reason)}'`;
    }),
  );
};

export const ufw = (rules: readonly Rule[], remarks: readonly string[] = []): string => {
  const wanted = rules.filter((rule) => !isImplied(rule));
  return [
    '# What the license manager Keyhaven needs. Run these as root.',
    '# ufw lets loopback, answers and the neighbour discovery of IPv6 through by itself.',
    ...remarks.map((remark) => `# ${plainText(remark)}`),
    '# From others to this computer:',
    ...wanted.filter(({ direction }) => direction === 'in').flatMap(commands),
    '# From this computer to others; needed only where "ufw default deny outgoing" is set:',
    ...wanted.filter(({ direction }) => direction === 'out').flatMap(commands),
    '',
  ].join('\n');
};
