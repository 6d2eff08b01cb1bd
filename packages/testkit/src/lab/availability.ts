import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { findTool } from './tool.ts';

// Says whether a lab can be built here, by building the smallest one and removing it at once.

/** Undefined when a lab can run here, otherwise the reason why it cannot. */
export const labAvailable = (): string | undefined => {
  if (process.platform !== 'linux') return 'network namespaces exist only on Linux';
  if (process.getuid?.() !== 0) return 'network namespaces need root';
  const ip = findTool('ip');
  if (ip === undefined) return 'the command ip is missing (Debian: apt-get install iproute2)';
  const unshare = findTool('unshare');
  if (unshare === undefined) return 'the command unshare is missing (Debian: apt-get install util-linux)';

  const name = `khprobe-${process.pid.toString(16)}-${randomBytes(2).toString('hex')}`;
  const attempt = (command: string, args: readonly string[], input = ''): string | undefined => {
    const { status, stderr } = spawnSync(command, args, { input, encoding: 'utf8' });
    return status === 0 ? undefined : stderr.trim() || `${command} ended with ${status}`;
  };
  const made = attempt(ip, ['netns', 'add', name]);
  if (made !== undefined) return `this computer refuses network namespaces: ${made}`;
  const links = attempt(
    ip,
    ['-n', name, '-batch', '-'],
    'link add b0 type bridge\nlink add p0 type veth peer name p1\nlink set p0 master b0\naddr add fd00::1/64 dev p1\n',
  );
  const own = attempt(ip, [
    'netns',
    'exec',
    name,
    unshare,
    '--uts',
    'sh',
    '-ec',
    'echo probe > /proc/sys/kernel/hostname; mount --bind /etc /etc',
  ]);
  attempt(ip, ['netns', 'delete', name]);
  if (links !== undefined) return `this computer has no bridge, veth or IPv6: ${links}`;
  if (own !== undefined) return `this computer refuses a host its own name and machine id: ${own}`;
  return undefined;
};

/** Undefined when the program is there, otherwise how to get it. */
export const programAvailable = (program: string, debian: string): string | undefined =>
  findTool(program) === undefined ? `the command ${program} is missing (Debian: apt-get install ${debian})` : undefined;

/** As `labAvailable`, and captures too. */
export const captureAvailable = (): string | undefined =>
  findTool('tcpdump') === undefined ? 'the command tcpdump is missing (Debian: apt-get install tcpdump)' : labAvailable();

/** As `labAvailable`, and packet filters in the hosts too. */
export const firewallAvailable = (): string | undefined => {
  const nft = findTool('nft');
  if (nft === undefined) return 'the command nft is missing (Debian: apt-get install nftables)';
  const lab = labAvailable();
  if (lab !== undefined) return lab;
  const { status, stderr } = spawnSync(nft, ['-c', '-f', '-'], {
    input: 'table inet probe { chain a { ct state established accept comment "probe"; }; }',
    encoding: 'utf8',
  });
  return status === 0 ? undefined : `this computer refuses packet filters: ${stderr.trim()}`;
};
