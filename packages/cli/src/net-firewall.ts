import { readFile } from 'node:fs/promises';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { iniTextOf, sayIniFaults } from '@keyhaven/core/ini';
import { readNearIni } from '@keyhaven/core/near-settings';
import { kinds, nftables, type Plan, type Rule, rulesOf, ufw, windows } from '@keyhaven/core/network';
import { Command, Option } from 'commander';
import { z } from 'zod';
import { askLm, parseTarget } from './lm-client.ts';
import { printJson, table } from './print.ts';
import { withLm } from './with-lm.ts';

// keyhaven net firewall: the rules that the present configuration needs, each with its reason. Of the license manager that runs (--lm), or of
// a configuration file (--config) on this computer.

const formats = ['table', 'nftables', 'ufw', 'windows'] as const;
type Options = {
  readonly lm: string;
  readonly config?: string;
  readonly near?: string;
  readonly format: (typeof formats)[number];
  readonly json?: boolean;
};

// What a license manager says becomes rules of a firewall: nothing but addresses, names of kinds and numbers is taken from it.
const zone = (text: string): string => text.split('%', 1)[0] ?? '';
const address = z.string().refine((text) => z.union([z.ipv4(), z.ipv6(), z.cidrv4(), z.cidrv6()]).safeParse(zone(text)).success);
const port = z.int().min(1).max(65_535);
const flow = z.object({
  direction: z.enum(['in', 'out']),
  transport: z.enum(['udp', 'tcp', 'icmpv6', 'dns']),
  kinds: z.array(z.enum(kinds)),
  interface: z.string().max(255).optional(),
  remote: z.array(address).max(10_000),
  localPort: port.optional(),
  remotePort: port.optional(),
  reply: z.literal(true).optional(),
  every: z.string().max(200).optional(),
  reason: z.string().max(1_000),
});
const plan = z.object({ flows: z.array(flow).max(10_000), remarks: z.array(z.string().max(1_000)).max(10_000) });

const planOfLm = async (lm: string): Promise<Plan> => {
  const said: unknown = JSON.parse(await askLm(parseTarget(lm), 'GET', '/api/v1/network/plan'));
  const parsed = plan.safeParse(said);
  if (parsed.success) return parsed.data as Plan;
  throw new LicensingError(Status.LOCAL_COMM_ERR, { detail: `${lm} did not answer with a plan of its network.` });
};

/** Of a file `keyhaven_<vendor id>.ini`. @throws LicensingError */
const planOfNearFile = async (file: string): Promise<Plan> => {
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw new LicensingError(Status.CANNOT_READ_FILE, { detail: `${file} cannot be read.`, cause });
  });
  const { settings, faults } = readNearIni(iniTextOf(bytes).text);
  if (faults.length > 0) throw new LicensingError(Status.INVALID_PARAMETER, { detail: sayIniFaults(file, faults) });
  const { nearNetworkPlan } = await import('@keyhaven/license-manager/network');
  return nearNetworkPlan(settings);
};

/** @throws LicensingError */
const planOfFile = async (file: string): Promise<Plan> => {
  const { loadSettings, networkPlan } = await import('@keyhaven/license-manager');
  return networkPlan(await loadSettings(file));
};

/** What several plans need together, each once. */
const joined = (plans: readonly Plan[]): Plan => ({
  flows: [...new Map(plans.flatMap(({ flows }) => flows).map((each) => [JSON.stringify(each), each])).values()],
  remarks: plans.flatMap(({ remarks }) => remarks),
});

const sides = ({ direction, remote, localPort, remotePort }: Rule): readonly [string, string] => {
  const others = `${remote.length === 0 ? 'any' : remote.join(', ')}${remotePort === undefined ? '' : ` port ${remotePort}`}`;
  const own = `this computer${localPort === undefined ? '' : ` port ${localPort}`}`;
  return direction === 'in' ? [others, own] : [own, others];
};

const transports = { udp: 'UDP', tcp: 'TCP', icmpv6: 'ICMPv6 neighbours', dns: 'UDP, TCP' } as const;
const forPeople = (rules: readonly Rule[], remarks: readonly string[]): string =>
  table(
    ['', 'PROTOCOL', 'INTERFACE', 'FROM', 'TO', 'ONLY', 'REASON'],
    rules.map((rule) => [
      rule.direction,
      transports[rule.transport],
      rule.interface ?? 'any',
      ...sides(rule),
      rule.reply === true ? 'answers' : '',
      rule.reason,
    ]),
    'The license manager needs nothing.',
  ) + remarks.map((remark) => `${remark}\n`).join('');

const printed = (format: Options['format'], rules: readonly Rule[], remarks: readonly string[]): string => {
  switch (format) {
    case 'table':
      return forPeople(rules, remarks);
    case 'nftables':
      return nftables(rules, remarks);
    case 'ufw':
      return ufw(rules, remarks);
    case 'windows':
      return windows(rules, remarks);
  }
};

export const firewallCommand = (): Command =>
  withLm(new Command('firewall').description('the firewall rules that the configuration needs, each with its reason'))
    .option('--config <file>', 'of this configuration on this computer, without a license manager that runs')
    .addOption(new Option('--format <format>', 'how the rules are written').choices(formats).default('table'))
    .option('--json', 'one JSON document')
    .option('--near <file>', 'of applications with an External or Integrated LM and these settings (keyhaven_<vendor id>.ini)')
    .action(async (options: Options, command: Command) => {
      const plans: Plan[] = [];
      if (options.near !== undefined) plans.push(await planOfNearFile(options.near));
      if (options.config !== undefined) plans.push(await planOfFile(options.config));
      else if (options.near === undefined || command.getOptionValueSource('lm') !== 'default') plans.push(await planOfLm(options.lm));
      const found = joined(plans);
      const rules = rulesOf(found);
      if (options.json === true) return printJson({ rules, remarks: found.remarks });
      process.stdout.write(printed(options.format, rules, found.remarks));
    });
