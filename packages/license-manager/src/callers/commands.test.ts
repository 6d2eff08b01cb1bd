import { describe, expect, it } from 'vitest';
import { commandOf, createCommandOwners, pidInLsof, pidInNetstat } from './commands.ts';
import type { Ends } from './types.ts';

// What Windows and macOS say about who holds a connection, as their programs print it.

const ends: Ends = { here: { address: '127.0.0.1', port: 1947 }, there: { address: '127.0.0.1', port: 50_000 } };

const NETSTAT = `
Aktive Verbindungen

  Proto  Lokale Adresse         Remoteadresse          Status           PID
  TCP    0.0.0.0:1947           0.0.0.0:0              ABHÖREN          900
  TCP    127.0.0.1:1947         127.0.0.1:50000        HERGESTELLT      900
  TCP    127.0.0.1:50000        127.0.0.1:1947         HERGESTELLT      4711
  TCP    127.0.0.1:50001        127.0.0.1:1947         WARTEND          0
  TCP    192.168.1.20:50000     192.168.1.9:1947       HERGESTELLT      4712
`.replaceAll('\n', '\r\n');
const LSOF = `p900
f20
n127.0.0.1:1947->127.0.0.1:50000
p4711
f9
n192.168.1.20:50000->192.168.1.9:1947
f12
n127.0.0.1:50000->127.0.0.1:1947
`;

describe.each([
  ['netstat', NETSTAT, pidInNetstat],
  ['lsof', LSOF, pidInLsof],
] as const)('%s', (_name, text, pidIn) => {
  it('names the process at the other end, and not the one at this end', () => {
    expect(pidIn(text, ends)).toBe(4_711);
    expect(pidIn(text, { here: { address: '::ffff:127.0.0.1', port: 1947 }, there: { address: '::ffff:127.0.0.1', port: 50_000 } })).toBe(
      4_711,
    );
  });

  it('names nobody for a connection that it has not, has half of, or has no process for', () => {
    for (const port of [5_000, 50_001, 50_002]) expect(pidIn(text, { ...ends, there: { address: '127.0.0.1', port } })).toBeUndefined();
    expect(pidIn('', ends)).toBeUndefined();
  });
});

describe('the owner by a program of the system', () => {
  const command = commandOf('win32', { SystemRoot: 'C:\\Windows' });
  if (command === undefined) throw new Error('no command');

  it('is the process that says so, another one, or nobody that can be seen', async () => {
    const find = createCommandOwners(
      command,
      async () => NETSTAT,
      (pid) => pid === 77,
    );
    expect(await find(ends, { pid: 4_711, start: 0 })).toEqual({ kind: 'process', pid: 4_711, start: 0 });
    expect(await find(ends, { pid: 900, start: 0 })).toEqual({ kind: 'other' });
    const elsewhere = { ...ends, there: { address: '127.0.0.1', port: 40_000 } };
    expect(await find(elsewhere, { pid: 77, start: 0 })).toEqual({ kind: 'unseen' });
    expect(await find(elsewhere, { pid: 78, start: 0 })).toEqual({ kind: 'other' });
  });

  it('is not seen where the program fails, and the program runs once for all who wait', async () => {
    let runs = 0;
    const run = async (): Promise<string> => {
      runs += 1;
      throw new Error('no such program');
    };
    const find = createCommandOwners(command, run, () => true);
    const found = await Promise.all(Array.from({ length: 20 }, () => find(ends, { pid: 4_711, start: 0 })));
    expect(found).toEqual(found.map(() => ({ kind: 'unseen' })));
    expect(runs).toBe(1);
  });

  it('is a program with its whole path: nobody puts another one before it', () => {
    expect(command.program).toMatch(/^C:\\Windows.System32.netstat\.exe$/);
    expect(commandOf('darwin', {})?.program).toBe('/usr/sbin/lsof');
    expect(commandOf('linux', {})).toBeUndefined();
  });
});
