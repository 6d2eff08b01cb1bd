import { LicensingError, Status } from '../errors/index.ts';
import {
  boolean,
  type Decoder,
  either,
  integer,
  list,
  literal,
  object,
  optional,
  ParseError,
  parseJson,
  type Shape,
  text,
} from '../parse/index.ts';
import { type InfoData, keyCapabilities } from './info-data.ts';

// Data as JSON, as a license manager tells it to an application (docs/protocol/local.md W22). What a later version adds is passed over (T6); what is
// known has its type and its bounds, or all of it is refused.

const known =
  <F extends Parameters<typeof object>[0]>(fields: F): Decoder<Shape<F>> =>
  (value, place, faults) => {
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    const given = isObject ? Object.fromEntries(Object.entries(value).filter(([name]) => Object.hasOwn(fields, name))) : value;
    return object(fields)(given, place, faults);
  };

const id = text(64);
const short = optional(text(255));
const flag = optional(boolean);
const number = integer(0, Number.MAX_SAFE_INTEGER);
const count = optional(number);
const limit = either<number | 'unlimited'>('a number or "unlimited"', number, literal('unlimited'));

const license = either<
  | { readonly type: 'perpetual' }
  | { readonly type: 'expiration'; readonly expires: number }
  | { readonly type: 'executions'; readonly total: number; readonly used?: number }
  | { readonly type: 'trial'; readonly duration: number; readonly started?: number }
>(
  'a license',
  known({ type: literal('perpetual') }),
  known({ type: literal('expiration'), expires: number }),
  known({ type: literal('executions'), total: number, used: count }),
  known({ type: literal('trial'), duration: number, started: count }),
);
const session = known({
  username: short,
  userId: short,
  hostname: short,
  hostId: short,
  apiVersion: short,
  ip: short,
  idleTimeout: count,
  idleRemaining: count,
});
const feature = known({
  id,
  name: short,
  locked: flag,
  usable: flag,
  disabled: flag,
  expired: flag,
  detachable: flag,
  virtualMachine: flag,
  license: optional(license),
  concurrency: optional(
    known({ export: list(literal('local', 'network', 'display'), 3), count: literal('login', 'process', 'station'), seats: limit }),
  ),
  maxLogins: optional(limit),
  currentLogins: count,
  sessions: list(session, 0x1_0000),
});
const features = list(feature, 0x1_0000);
const port = either<
  | { readonly kind: 'device'; readonly type: string; readonly address?: string }
  | { readonly kind: 'network'; readonly protocol: string; readonly address: string }
>(
  'a port',
  known({ kind: literal('device'), type: text(255), address: short }),
  known({ kind: literal('network'), protocol: text(255), address: text(255) }),
);
const key = known({
  id,
  type: short,
  configuration: short,
  model: short,
  cloneProtected: flag,
  disabled: flag,
  detachable: flag,
  recipient: short,
  parent: short,
  attached: flag,
  productionDate: count,
  hardwareVersion: short,
  version: short,
  updateCounter: count,
  clockEnabled: flag,
  freeClusters: count,
  clusterSize: count,
  drives: optional(list(known({ size: count, mountPoint: short, device: short }), 64)),
  memory: optional(list(known({ file: number, size: number, access: optional(literal('ro', 'rw', 'rwo')), name: short }), 0x1_0000)),
  port: optional(port),
  capabilities: optional(list(literal(...keyCapabilities), 64)),
  c2v: optional(text(16 * 1024 * 1024)),
  products: list(
    known({
      id,
      name: short,
      detachable: flag,
      fingerprintChange: optional(literal('accepted', 'cloned')),
      cloneProtected: flag,
      features,
    }),
    0x1_0000,
  ),
  features,
});
const fingerprint = known({ type: literal('SL-AdminMode', 'SL-UserMode'), crc: text(64), vendor: id, base64: text(65_536) });
const data: Decoder<InfoData> = known({
  licenseManagers: list(
    known({
      id,
      hostname: short,
      name: short,
      ip: short,
      version: short,
      osName: short,
      osVersion: short,
      architecture: short,
      uptime: count,
      time: count,
      hostFingerprints: optional(list(fingerprint, 1_024)),
      embedded: flag,
      vendors: list(known({ id, name: short, keys: list(key, 0x1_0000) }), 0x1_0000),
      recipient: optional(text(65_536)),
    }),
    0x1_0000,
  ),
});

/** @throws LicensingError INT_ERR (699): what answers is not a license manager of ours */
export const parseInfoData = (json: string): InfoData => {
  try {
    return parseJson(data, json, 'information');
  } catch (error) {
    if (!(error instanceof ParseError)) throw error;
    const [first, ...more] = error.faults;
    const rest = more.length === 0 ? '' : ` (and ${more.length} more)`;
    throw new LicensingError(Status.INT_ERR, {
      detail: `The license manager told something that is not understood: ${first}${rest}.`,
      cause: error,
    });
  }
};
