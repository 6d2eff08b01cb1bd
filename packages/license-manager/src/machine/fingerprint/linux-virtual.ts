import { Buffer } from 'node:buffer';

// What a hypervisor or a cloud tells a Linux virtual machine about itself without a network, as pure functions of what was read.

/** Where the GUID lies in the blob that QEMU makes for it; before it there is room for a table header. */
const GUID_AT = 40;
const GUID_BYTES = 16;

/** The generation id in QEMU's `etc/vmgenid_guid`; undefined where there is none. */
export const generationIdIn = (blob: Uint8Array | undefined): string | undefined => {
  if (blob === undefined || blob.length < GUID_AT + GUID_BYTES) return undefined;
  return Buffer.from(blob.subarray(GUID_AT, GUID_AT + GUID_BYTES)).toString('hex');
};

/** EC2 writes the id of the instance into the board's asset tag, which everybody may read. */
export const ec2InstanceIn = (vendor: string | undefined, assetTag: string | undefined): string | undefined =>
  vendor === 'Amazon EC2' && /^i-[0-9a-f]{8,17}$/u.test(assetTag ?? '') ? `aws ${assetTag}` : undefined;

/** Clouds that give an instance an id of their own; what images and local files make up (nocloud, lxd, configdrive) is none. */
const CLOUDS: ReadonlySet<string> = new Set([
  'akamai',
  'aliyun',
  'aws',
  'azure',
  'digitalocean',
  'exoscale',
  'gce',
  'hetzner',
  'ibmcloud',
  'openstack',
  'oracle',
  'scaleway',
  'upcloud',
  'vultr',
]);

const field = (of: unknown, name: string): unknown =>
  typeof of === 'object' && of !== null ? Object.entries(of).find(([key]) => key === name)?.[1] : undefined;

/** What cloud-init learned of the cloud when the instance started, in its instance-data.json. */
export const cloudInitInstanceIn = (json: string): string | undefined => {
  let v1: unknown;
  try {
    const document: unknown = JSON.parse(json);
    v1 = field(document, 'v1');
  } catch {
    return undefined;
  }
  const [cloud, id] = [field(v1, 'cloud_name'), field(v1, 'instance_id')];
  return typeof cloud === 'string' && CLOUDS.has(cloud) && typeof id === 'string' && id !== '' ? `${cloud} ${id}` : undefined;
};
