// Parsers for what Linux tells, as pure functions of its text.

/** What does not change of a processor with updates: no microcode, flags or clock rates. */
export const cpuOf = (cpuinfo: string): string | undefined => {
  const [first = ''] = cpuinfo.split(/\n\s*\n/u);
  const field = (name: string): string | undefined => new RegExp(`^${name}\\s*:\\s*(.*)$`, 'mu').exec(first)?.[1]?.trim();
  const names = [
    'vendor_id',
    'cpu family',
    'model',
    'model name',
    'stepping',
    'CPU implementer',
    'CPU architecture',
    'CPU variant',
    'CPU part',
    'CPU revision',
    'uarch',
    'isa',
    'mvendorid',
    'marchid',
  ];
  const parts = names.flatMap((name) => {
    const value = field(name);
    return value === undefined ? [] : [`${name}=${value}`];
  });
  return parts.length === 0 ? undefined : parts.join(' ');
};

/** The serial number that boards without firmware tables tell beside their processors. */
export const boardSerialIn = (cpuinfo: string): string | undefined => /^Serial\s*:\s*([0-9a-fA-F]+)\s*$/mu.exec(cpuinfo)?.[1];

/** The full name that /etc/hosts has for a host; the name itself where it has none. */
export const fullNameIn = (hosts: string, hostname: string): string => {
  for (const line of hosts.split('\n')) {
    const [, ...names] = (line.split('#')[0] ?? '').trim().split(/\s+/u);
    if (!names.includes(hostname)) continue;
    const full = names.find((name) => name.startsWith(`${hostname}.`));
    if (full !== undefined) return full;
  }
  return hostname;
};

/** Where a control group or mount says that a container runtime made it. */
const RUNTIME = /(?:^|[/:-])(docker|containerd|kubepods|libpod|lxc|crio|garden|buildkit)(?=[/:.\-_]|$)/mu;
export const isContainerGroup = (cgroup: string): boolean => RUNTIME.test(cgroup);

/** The id of the container, from its control groups or from where its files are mounted from. */
export const containerIdIn = (cgroup: string, mountinfo: string): string | undefined =>
  /(?:^|[/:-])([0-9a-f]{64})(?:\.scope)?\s*$/mu.exec(cgroup)?.[1] ??
  /\/containers?\/([0-9a-f]{64})\/(?:hostname|hosts|resolv\.conf)/u.exec(mountinfo)?.[1];

/** SCSI page 0x80: four bytes of head, then the serial number. */
export const serialInPage80 = (page: string): string | undefined => page.slice(4).trim() || undefined;

/** Names under /dev/disk/by-id, best first: bus and serial number before world wide names, which some controllers make up. */
const BY_ID = [/^ata-/u, /^nvme-(?!eui|nvme\.|uuid)/u, /^scsi-S/u, /^scsi-/u, /^virtio-/u, /^mmc-/u, /^nvme-/u, /^wwn-/u];
export const bestById = (names: readonly string[]): string | undefined => {
  const whole = names.filter((name) => !/-part\d+$/u.test(name));
  for (const kind of BY_ID) {
    const found = whole.filter((name) => kind.test(name)).sort()[0];
    if (found !== undefined) return found;
  }
  return undefined;
};
