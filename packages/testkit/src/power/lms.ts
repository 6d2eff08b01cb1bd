import { Buffer } from 'node:buffer';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { createLicensing } from '@keyhaven/licensing-api/licensing';
import { systemEntropy } from '@keyhaven/vendor-tools';
import { type LocalLm, startLocalLm } from '../local-lm/index.ts';
import { type CutOptions, cutPower, type PowerReport } from './cutting.ts';
import { MEMORY } from './lm-site.ts';

// Power cuts at whole license managers (S21): their identity, their keys and licenses, executions, memory, the audit, and seats that were lent, taken,
// given back and taken back, all of which they acknowledged over their doors.

const WRITER = join(import.meta.dirname, 'lm-writer.ts');

type Told = {
  readonly last: (verb: string) => string | undefined;
  readonly all: (verb: string) => readonly string[];
};
const toldBy = (lines: readonly string[]): Told => {
  const all = (verb: string): string[] => lines.filter((line) => line.startsWith(`${verb} `)).map((line) => line.slice(verb.length + 1));
  return { all, last: (verb) => all(verb).at(-1) };
};
const list = async <T>(lm: LocalLm, path: string): Promise<readonly T[]> => JSON.parse(await lm.ask('GET', `/api/v1/${path}`)) as T[];

const faultsOfOffice = async (office: LocalLm, told: Told): Promise<string[]> => {
  const faults: string[] = [];
  const [key, counter] = told.last('license')?.split(' ') ?? [];
  if (key === undefined) return faults;
  const found = (await list<{ key: string; updateCounter: number; damage: string | null }>(office, 'keys')).find(
    (each) => each.key === key,
  );
  if (found === undefined) return [`the licensed key ${key} is lost`];
  if (found.damage !== null) faults.push(`the key ${key} is damaged: ${found.damage}`);
  if (found.updateCounter < Number(counter)) faults.push(`update ${counter} of key ${key} is lost; ${found.updateCounter} is in force`);
  const features = await list<{ feature: number; license: { used?: number } }>(office, 'features');
  const used = features.find(({ feature }) => feature === 43)?.license.used ?? 0;
  const executions = Number(told.last('executions') ?? 0);
  if (used < executions) faults.push(`${executions} executions were acknowledged, and ${used} are counted`);
  const audit = await list<{ kind: string; detail: { session?: string } }>(office, 'audit?limit=10000');
  const granted = new Set(audit.filter(({ kind }) => kind === 'granted').map(({ detail }) => detail.session));
  for (const id of told.all('granted')) if (!granted.has(id)) faults.push(`the acknowledged login ${id} is in no record of the audit`);

  const out = (await list<object>(office, 'detached')).length;
  const taking = Math.max(0, told.all('taking back').length - told.all('taken back').length);
  const lent = told.all('detached').length - told.all('taken back').length;
  if (out < lent - taking) faults.push(`${lent} products are detached, and the office knows of ${out}`);
  if (out > lent + 1) faults.push(`a returned product is detached again: ${out} for ${lent}`);

  const licensing = createLicensing(
    office.address,
    { pid: process.pid, start: 0, user: 'test', host: 'test', application: 'power' },
    systemEntropy,
  );
  try {
    await using session = await licensing.login({ vendorCode: told.last('vendor') ?? '', feature: 0 });
    const memory = Buffer.from(await session.read({ file: MEMORY, offset: 0, length: 1 }))[0] ?? 0;
    if (memory < Number(told.last('memory') ?? 0)) faults.push(`memory ${told.last('memory')} was acknowledged, and ${memory} is there`);
  } finally {
    licensing.close();
  }
  return faults;
};
const faultsOfBoat = async (boat: LocalLm, told: Told): Promise<string[]> => {
  const keys = new Set((await list<{ key: string }>(boat, 'keys')).map(({ key }) => key));
  const leaving = new Set(told.all('returning'));
  return [
    ...told
      .all('lent')
      .filter((key) => !keys.has(key) && !leaving.has(key))
      .map((key) => `the lent key ${key} is lost`),
    ...told
      .all('returned')
      .filter((key) => keys.has(key))
      .map((key) => `the key ${key} was given back and is here again`),
  ];
};

const faultsOf = async (root: string, acknowledged: readonly string[]): Promise<readonly string[]> => {
  const told = toldBy(acknowledged);
  const faults: string[] = [];
  for (const name of ['office', 'boat']) {
    const guid = told
      .all('ready')
      .find((line) => line.startsWith(`${name} `))
      ?.slice(name.length + 1);
    const stateDirectory = join(root, name);
    if (guid === undefined && !existsSync(stateDirectory)) continue;
    await using lm = await startLocalLm({ stateDirectory });
    if (guid !== undefined && lm.lm.guid !== guid) faults.push(`the identity of ${name} is lost`);
    else faults.push(...(await (name === 'office' ? faultsOfOffice(lm, told) : faultsOfBoat(lm, told))));
  }
  return faults;
};

export const cutLms = (options: CutOptions & { readonly preload?: string }): Promise<PowerReport> =>
  cutPower('license managers', options, {
    commands: (root) => [[...(options.preload === undefined ? [] : ['--import', options.preload]), WRITER, root]],
    faultsOf,
    goesOn: false,
  });
