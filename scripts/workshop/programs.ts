import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { delimiter, join } from 'node:path';

// Programs of the operating system that tests use. As root on Debian they are installed; elsewhere the tests that want them skip themselves.

type Wanted = { readonly program: string; readonly debian: string; readonly use: string };

const WANTED: readonly Wanted[] = [
  { program: 'ip', debian: 'iproute2', use: 'several computers in network namespaces' },
  { program: 'tcpdump', debian: 'tcpdump', use: 'captures on the network' },
  { program: 'tshark', debian: 'tshark', use: 'reading captures' },
  { program: 'nft', debian: 'nftables', use: 'firewalls' },
  { program: 'openssl', debian: 'openssl', use: 'TLS certificates' },
  { program: 'ps', debian: 'procps', use: 'looking at processes' },
  { program: 'chromium', debian: 'chromium', use: 'a browser' },
  { program: 'nmap', debian: 'nmap', use: 'unmodified programs that recognize the license manager' },
  { program: 'whatweb', debian: 'whatweb', use: 'unmodified programs that recognize the license manager' },
  { program: 'curl', debian: 'curl', use: 'uploads as scripts make them' },
  { program: 'zsh', debian: 'zsh', use: 'completion of the command line in zsh' },
  { program: 'fish', debian: 'fish', use: 'completion of the command line in fish' },
  { program: 'promtool', debian: 'prometheus', use: 'checking the alert rules of Prometheus' },
  { program: 'unshare', debian: 'util-linux', use: 'processes on computers of their own' },
  { program: 'gcc', debian: 'gcc libc6-dev', use: 'power cuts, whose recorder is written in C' },
];

function isThere({ program }: Wanted): boolean {
  return [...(process.env['PATH'] ?? '').split(delimiter), '/usr/sbin', '/sbin'].some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

function apt(args: readonly string[]): string | undefined {
  const result = spawnSync('apt-get', ['-q', '-o', 'DPkg::Lock::Timeout=120', ...args], {
    // Programs are wanted, not the services that come with some of them.
    env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive', SYSTEMD_OFFLINE: '1' },
    stdio: ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
    timeout: 600_000,
  });
  if (result.error !== undefined) return result.error.message;
  return result.status === 0 ? undefined : `${result.stdout}${result.stderr}`.trim().split('\n').slice(-5).join('\n');
}

/** Installs what is missing where that is possible, and tells what it did and what stays missing. */
export function preparePrograms(tell: (line: string) => void): void {
  if (process.platform !== 'linux') {
    tell('Not Linux: tests that need network namespaces are skipped.');
    return;
  }
  const root = process.getuid?.() === 0;
  const missing = WANTED.filter((wanted) => !isThere(wanted));
  if (missing.length > 0 && root && existsSync('/etc/debian_version')) {
    const packages = missing.flatMap(({ debian }) => debian.split(' '));
    tell(`Installing Debian packages for the tests: ${packages.join(' ')} ...`);
    const fault = apt(['update']) ?? apt(['install', '-y', '--no-install-recommends', ...packages]);
    if (fault !== undefined) tell(`apt-get failed:\n${fault}`);
  }
  for (const wanted of missing.filter((one) => !isThere(one))) {
    tell(`${wanted.program} is missing (Debian package ${wanted.debian}): tests that need ${wanted.use} are skipped.`);
  }
  if (!root) tell('Not root: tests that need network namespaces are skipped.');
}
