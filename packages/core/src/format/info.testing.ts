import type { FeatureInfo, InfoData, KeyInfo } from './info-data.ts';

// A computer with two keys, and another one with one, for the tests of formats.

const sounder: FeatureInfo = {
  id: '42',
  name: 'Echo sounder',
  locked: true,
  usable: true,
  disabled: false,
  expired: false,
  detachable: true,
  virtualMachine: true,
  license: { type: 'perpetual' },
  concurrency: { export: ['local', 'network'], count: 'login', seats: 5 },
  maxLogins: 5,
  currentLogins: 1,
  sessions: [
    {
      username: 'ada',
      userId: '1000',
      hostname: 'bench-3',
      hostId: '77',
      apiVersion: '1.0',
      ip: '10.0.0.7',
      idleTimeout: 43_200,
      idleRemaining: 43_000,
    },
  ],
};

export const firstKey: KeyInfo = {
  id: '9223372036854775809',
  type: 'HASP-SL-AdminMode',
  configuration: 'haspsl-adminmode',
  cloneProtected: true,
  disabled: false,
  detachable: true,
  updateCounter: 3,
  version: '1.0',
  memory: [
    { file: 0xfff4, size: 4032, access: 'rw', name: 'Main' },
    { file: 0xfff5, size: 2048, access: 'ro', name: 'Read only' },
  ],
  products: [
    {
      id: '1',
      name: 'Survey',
      detachable: true,
      fingerprintChange: 'accepted',
      features: [
        sounder,
        { id: '43', name: 'Count', license: { type: 'executions', total: 100, used: 7 }, sessions: [] },
        { id: '44', name: 'Until', license: { type: 'expiration', expires: 1_830_297_599 }, sessions: [] },
        { id: '45', name: 'Trial', license: { type: 'trial', duration: 2_592_000, started: 1_800_000_000 }, sessions: [] },
      ],
    },
  ],
  features: [{ id: '0', license: { type: 'perpetual' }, sessions: [] }],
};

export const secondKey: KeyInfo = {
  id: '12345',
  type: 'Sentinel-HL',
  configuration: 'sentinelhl,driverless',
  model: 'Sentinel HL Max',
  capabilities: ['aes', 'hasphl', 'driverless'],
  port: { kind: 'device', type: 'USB', address: '786432' },
  drives: [{ size: 4_096, mountPoint: '/mnt', device: '/dev/sdb' }],
  products: [{ id: '1', name: 'Survey', features: [{ ...sounder, sessions: [] }] }],
  features: [],
};

export const remoteKey: KeyInfo = {
  id: '777',
  type: 'HASP-SL-UserMode',
  configuration: 'haspsl-usermode',
  port: { kind: 'network', protocol: 'IP', address: '10.0.0.9' },
  products: [],
  features: [],
};

export const site: InfoData = {
  licenseManagers: [
    {
      id: 'a1b2',
      hostname: 'front-desk',
      name: 'Front desk',
      ip: '127.0.0.1',
      version: '0.1.0',
      osName: 'Linux',
      osVersion: '6.1',
      architecture: 'x64',
      uptime: 60,
      time: 1_800_000_000,
      hostFingerprints: [{ type: 'SL-AdminMode', crc: '99', vendor: '37515', base64: 'QUJD' }],
      embedded: false,
      vendors: [{ id: '37515', name: 'Demo', keys: [firstKey, secondKey] }],
    },
    { id: 'c3d4', hostname: 'cellar', ip: '10.0.0.9', vendors: [{ id: '37515', name: 'Demo', keys: [remoteKey] }] },
  ],
};

/** One key alone. */
export const only = (key: KeyInfo): InfoData => ({ licenseManagers: [{ id: 'a1b2', vendors: [{ id: '37515', keys: [key] }] }] });
