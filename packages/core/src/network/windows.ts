import { withoutZone } from '../discovery/index.ts';
import { isImplied, plainText, type Rule } from './rules.ts';

// Rules as PowerShell commands for the Windows Defender Firewall. It lets loopback and answers through by itself, and by default
// everything that leaves the computer.

const commands = (rule: Rule, number: number): string[] =>
  (rule.transport === 'dns' ? ['UDP', 'TCP'] : [rule.transport.toUpperCase()]).map((protocol) =>
    [
      'New-NetFirewallRule -Group Keyhaven',
      `-DisplayName 'Keyhaven ${number} ${rule.direction} ${protocol}'`,
      `-Direction ${rule.direction === 'in' ? 'Inbound' : 'Outbound'} -Action Allow -Protocol ${protocol}`,
      ...(rule.localPort === undefined ? [] : [`-LocalPort ${rule.localPort}`]),
      ...(rule.remotePort === undefined ? [] : [`-RemotePort ${rule.remotePort}`]),
      `-RemoteAddress ${rule.remote.length === 0 ? 'Any' : rule.remote.map(withoutZone).join(',')}`,
      ...(rule.interface === undefined ? [] : [`-InterfaceAlias '${plainText(rule.interface)}'`]),
      `-Description '${plainText(rule.reason)}'`,
    ].join(' '),
  );

export const windows = (rules: readonly Rule[], remarks: readonly string[] = []): string => {
  const wanted = rules.filter((rule) => !isImplied(rule));
  const all = (direction: 'in' | 'out'): string[] =>
    wanted.flatMap((rule, index) => (rule.direction === direction ? commands(rule, index + 1) : []));
  return [
    '# What the license manager Keyhaven needs. Run these in PowerShell as administrator.',
    '# Windows lets loopback, answers and the neighbour discovery of IPv6 through by itself.',
    ...remarks.map((remark) => `# ${plainText(remark)}`),
    'Remove-NetFirewallRule -Group Keyhaven -ErrorAction SilentlyContinue',
    '# From others to this computer:',
    ...all('in'),
    '# From this computer to others; needed only where outbound connections are blocked by default:',
    ...all('out'),
    '',
  ].join('\n');
};
