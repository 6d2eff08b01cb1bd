// Whether names that the firmware tells are those of a virtual machine (K6; 51 and 74 depend on it, too). A hypervisor that wants to hide
// fills in the names of a real board: then nothing shows here.

const VENDORS: readonly (readonly [vendor: RegExp, product: RegExp])[] = [
  [
    /qemu|bochs|vmware|innotek|virtualbox|parallels|xen|nutanix|ovirt|openstack|red hat|rhev|kubevirt|bhyve|digitalocean|hetzner|scaleway|apple virtualization|cloud hypervisor|firecracker/iu,
    /./u,
  ],
  [/microsoft corporation/iu, /virtual machine/iu],
  // Bare metal of Amazon and Google says so in the name of the product.
  [/amazon ec2/iu, /^(?!.*metal)/iu],
  [/google/iu, /compute engine(?!.*metal)/iu],
  [/alibaba|tencent|huawei cloud/iu, /ecs|cvm|virtual|cloud/iu],
  [/./u, /virtualbox|vmware|standard pc|kvm|hvm domu|virtual machine|virtualmac|bhyve|openstack|parallels/iu],
];

export const isVirtualMachineName = (vendor: string | undefined, product: string | undefined): boolean =>
  VENDORS.some(([maker, model]) => maker.test(vendor ?? '-') && model.test(product ?? '-'));

/** `flags` line of /proc/cpuinfo: set by every hypervisor that does not hide. */
export const hasHypervisorFlag = (cpuinfo: string): boolean => /^flags\s*:.*\bhypervisor\b/mu.test(cpuinfo);

/** Names of hypervisors and clouds by the words of their firmware; more than above, for licenses alone: a fingerprint does not depend on it. */
const NAMES: readonly (readonly [words: RegExp, name: string])[] = [
  [/vmware|\bvmw/iu, 'vmware'],
  [/virtualbox|innotek/iu, 'virtualbox'],
  [/parallels/iu, 'parallels'],
  [/\bxen\b|hvm domu/iu, 'xen'],
  [/bhyve/iu, 'bhyve'],
  [/apple virtualization|virtualmac/iu, 'apple'],
  [/firecracker/iu, 'firecracker'],
  [/cloud hypervisor/iu, 'cloud-hypervisor'],
  [/kvm|kubevirt|openstack|ovirt|rhev|red hat|nutanix|digitalocean|vultr|upcloud|exoscale|yandex|linode|akamai|scaleway|hetzner/iu, 'kvm'],
  [/qemu|bochs|standard pc/iu, 'qemu'],
];

/** The hypervisor of a virtual machine that says so in its firmware; undefined where nothing does. */
export const hypervisorByName = (vendor: string | undefined, product: string | undefined): string | undefined => {
  if (/metal/iu.test(product ?? '')) return undefined;
  const text = `${vendor ?? ''} ${product ?? ''}`;
  const named = NAMES.find(([words]) => words.test(text))?.[1];
  if (named !== undefined) return named;
  if (!isVirtualMachineName(vendor, product)) return undefined;
  if (/microsoft/iu.test(text)) return 'hyper-v';
  if (/amazon/iu.test(text)) return 'amazon ec2';
  return /google/iu.test(text) ? 'google' : 'hypervisor';
};
