// npm run bench [-- --json FILE] [-- --only P1,P5]   the figures of SPEC P, each beside its reference measured in the same run.

import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { benchCalls } from './calls.ts';
import { type Figure, formatFigures, met } from './figures.ts';
import { benchLogins } from './logins.ts';
import { benchRemote, licensingAt } from './remote.ts';
import { freePort, licenseKey, scratch, startLm } from './site.ts';
import { benchSize } from './size.ts';
import { benchStart } from './start.ts';

const { values } = parseArgs({ options: { json: { type: 'string' }, only: { type: 'string' } } });
const wanted = values.only?.split(',');
const wants = (clause: string): boolean => wanted === undefined || wanted.includes(clause);
const tell = (line: string): void => void process.stderr.write(`${line}\n`);

const figures: Figure[] = [];
await using directory = await scratch();
const port = await freePort();
const near = await startLm(join(directory.path, 'near'), '127.0.0.1', port);
try {
  const code = await licenseKey(near);
  if (wants('P1')) {
    tell('P1 session calls ...');
    const licensing = licensingAt(near);
    const session = await licensing.login({ vendorCode: code, feature: 10 });
    figures.push(...(await benchCalls(session, near.child.process.pid ?? 0)));
    await session.logout();
    licensing.close();
  }
  if (wants('P2')) {
    tell('P2 logins of 32 processes ...');
    figures.push(...(await benchLogins(directory.path, near, code)));
  }
  if (wants('P3')) {
    tell('P3 a login through two license managers ...');
    const far = await startLm(join(directory.path, 'far'), '127.0.0.2', port, ['127.0.0.1']);
    figures.push(...(await benchRemote(near, far, code)));
    await far.child.stop();
  }
  if (wants('P5')) {
    tell('P5 a login among 100,000 sessions ...');
    const large = await startLm(join(directory.path, 'large'), '127.0.0.3', port);
    figures.push(...(await benchSize(near, large, code, await licenseKey(large))));
    await large.child.stop();
  }
  if (wants('P6')) {
    tell('P6 an External LM from nothing to its first grant ...');
    figures.push(...(await benchStart(directory.path)));
  }
} finally {
  await near.child.stop();
}
process.stdout.write(`${formatFigures(figures)}\n`);
if (values.json !== undefined)
  writeFileSync(
    values.json,
    `${JSON.stringify(
      figures.map((figure) => ({ ...figure, met: met(figure) ?? null })),
      null,
      2,
    )}\n`,
  );
