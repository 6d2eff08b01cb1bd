import { diagnose, type Evidence, evidence, type Finding, HOSTS_AT_A_TIME, MAX_HOSTS } from '@keyhaven/core/doctor';
import { LicensingError, Status } from '@keyhaven/core/errors';
import { list, object, ParseError, parseJson, text } from '@keyhaven/core/parse';
import type { Doctor } from '@keyhaven/license-manager/doctor';
import { Command } from 'commander';
import { askLm, type LmTarget, parseTarget } from './lm-client.ts';
import { printJson, table } from './print.ts';
import { withLm } from './with-lm.ts';

// keyhaven net doctor: what blocks the paths to other license managers, each in a sentence with its remedy (R10). The license manager of this
// computer probes, since it owns the port; where none runs, this command does. Exit status 1 where something is blocked.

type Options = { readonly lm: string; readonly json?: boolean };
type Examiner = Pick<Doctor, 'examine'> & { targets(): Promise<readonly string[]>; close(): Promise<void> };

const PATH = '/api/v1/network/doctor';
const targets = object({ hosts: list(text(320), MAX_HOSTS) });

const reading = <T>(lm: string, read: () => T): T => {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof ParseError)) throw cause;
    throw new LicensingError(Status.LOCAL_COMM_ERR, {
      detail: `${lm} did not answer like a license manager of this version.`,
      remedy: 'Upgrade the older one of the two.',
      cause,
    });
  }
};

const throughLm = (lm: string, target: LmTarget): Examiner => ({
  async targets() {
    const said = await askLm(target, 'GET', PATH);
    return reading(lm, () => parseJson(targets, said)).hosts;
  },
  async examine(wanted) {
    const said = await askLm(target, 'POST', PATH, { type: 'application/json', text: JSON.stringify(wanted) });
    return reading(lm, () => parseJson(evidence, said));
  },
  close: async () => undefined,
});

const byItself = async (port: number, found: 'nothing' | 'another program'): Promise<Examiner> => {
  const { doctorOfCommand } = await import('@keyhaven/license-manager/doctor');
  const doctor = await doctorOfCommand(port, found);
  return { examine: (wanted) => doctor.examine(wanted), targets: async () => doctor.targets(), close: () => doctor.close() };
};

/** What is there instead of a license manager; undefined where one answers, whatever it says. */
const missing = async (target: LmTarget): Promise<'nothing' | 'another program' | undefined> => {
  try {
    await askLm(target, 'GET', '/readyz');
    return undefined;
  } catch (error) {
    const cause = error instanceof LicensingError ? error.cause : undefined;
    return cause instanceof Error && 'code' in cause && cause.code === 'ECONNREFUSED' ? 'nothing' : 'another program';
  }
};

const examiner = async (lm: string, named: boolean): Promise<Examiner> => {
  const target = parseTarget(lm);
  const instead = named ? undefined : await missing(target);
  return instead === undefined ? throughLm(lm, target) : byItself(target.port, instead);
};

/** BOUNDED by MAX_HOSTS: known license managers, search parameters, and whoever answered a broadcast. */
const everybody = (known: readonly string[], { broadcasts }: Evidence): readonly string[] => {
  const answered = new Map<string, string>();
  for (const { guid, address } of broadcasts.flatMap(({ answers }) => answers)) if (!answered.has(guid)) answered.set(guid, address);
  return [...new Set([...known, ...answered.values()])].slice(0, MAX_HOSTS);
};

const examined = async (by: Examiner, named: readonly string[]): Promise<Evidence> => {
  // The links of the interfaces first: who answers there is examined, too.
  let all = await by.examine({ hosts: [], broadcast: true });
  const hosts = named.length > 0 ? named : everybody(await by.targets(), all);
  for (let done = 0; done < hosts.length; done += HOSTS_AT_A_TIME) {
    const batch = hosts.slice(done, done + HOSTS_AT_A_TIME);
    process.stderr.write(`testing ${done + 1} to ${done + batch.length} of ${hosts.length}: ${batch.join(', ')} (up to 10 s)\n`);
    const found = await by.examine({ hosts: batch, broadcast: false });
    all = { ...all, known: found.known, hosts: [...all.hosts, ...found.hosts] };
  }
  return all;
};

const show = (findings: readonly Finding[]): string =>
  table(
    ['HOST', 'PATH', 'RESULT', 'WHAT', 'REMEDY'],
    findings.map(({ host, address, path, verdict, sentence, remedy }) => [
      address === undefined ? host : `${host} (${address})`,
      path,
      verdict,
      sentence,
      remedy,
    ]),
    'There is nothing to test.',
  );

export const doctorCommand = (): Command =>
  withLm(new Command('doctor').description('tests the paths to other license managers, and says what blocks them and what to do'))
    .argument(
      '[host...]',
      `HOST or HOST:PORT, at most ${MAX_HOSTS}; without one: those known here, search parameters, who answers a broadcast`,
    )
    .option('--json', 'one JSON document: findings, and the evidence for them')
    .action(async (hosts: string[], options: Options, command: Command) => {
      if (hosts.length > MAX_HOSTS) {
        throw new LicensingError(Status.INVALID_PARAMETER, {
          detail: `${hosts.length} hosts are too many.`,
          remedy: `Name at most ${MAX_HOSTS} at a time.`,
        });
      }
      const by = await examiner(options.lm, command.getOptionValueSource('lm') !== 'default');
      try {
        const all = await examined(by, [...new Set(hosts)]);
        const findings = diagnose(all);
        if (options.json === true) printJson({ findings, evidence: all });
        else process.stdout.write(show(findings));
        if (findings.some(({ verdict }) => verdict === 'blocked')) process.exitCode = 1;
      } finally {
        await by.close();
      }
    });
