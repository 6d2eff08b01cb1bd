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
