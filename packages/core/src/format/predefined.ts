import { LicensingError, Status } from '../errors/index.ts';
import type { XmlNode } from '../xml/index.ts';
import { fingerprintNode, licenseParts, type Parts } from './fields.ts';
import type { PredefinedFormat } from './format.ts';
import { type FeatureInfo, type KeyCapability, type KeyInfo, keyCapabilities, type PortInfo, type SessionInfo } from './info-data.ts';
import type { Row } from './rows.ts';

// What the predefined formats answer (field-facts 1.5). Everything is an element without attributes, because programs search for `<haspid>` and
// the like as text (interop 4); only the fingerprint has them.

/** @throws LicensingError REQ_NOT_SUPP (16) where the data lacks what the format is about; TOO_MANY_KEYS where a C2V is asked of several keys */
export const predefinedNodes = (name: PredefinedFormat, rows: readonly Row[]): readonly XmlNode[] => {
  switch (name) {
    case 'updateinfo':
    case 'fastupdateinfo':
      return [updateNode(distinct(rows, ({ key }) => key))];
    case 'sessioninfo':
      return sessionNodes(rows);
    case 'keyinfo':
      return distinct(rows, ({ key }) => key).map(keyNode);
    case 'host_fingerprint':
      return fingerprintNodes(rows);
  }
};

const distinct = <T>(rows: readonly Row[], of: (row: Row) => T | undefined): T[] => [
  ...new Set(rows.map(of).filter((each) => each !== undefined)),
];

const leaf = (name: string, value: string | number | boolean | undefined): readonly XmlNode[] =>
  value === undefined ? [] : [{ name, content: String(value) }];
const leaves = (parts: Parts): readonly XmlNode[] => Object.entries(parts).flatMap(([name, value]) => leaf(name, value));
const missing = (detail: string): never => {
  throw new LicensingError(Status.REQ_NOT_SUPP, { detail });
};

const updateNode = (keys: readonly KeyInfo[]): XmlNode => {
  const [key, another] = keys;
  if (another !== undefined) {
    throw new LicensingError(Status.TOO_MANY_KEYS, { detail: `${keys.length} keys are in the scope; a C2V is made of one.` });
  }
  const c2v = key?.c2v ?? missing('The license manager gives no C2V for this key.');
  return { name: 'c2v', content: c2v };
};

const fingerprintNodes = (rows: readonly Row[]): readonly XmlNode[] => {
  const nodes = distinct(rows, ({ licenseManager }) => licenseManager).flatMap(({ hostFingerprints = [] }) =>
    hostFingerprints.map(fingerprintNode),
  );
  return nodes.length === 0 ? missing('The license manager gives no fingerprint of its computer.') : nodes;
};

const sessionNodes = (rows: readonly Row[]): readonly XmlNode[] => [
  ...distinct(rows, ({ feature }) => feature).map(featureNode),
  ...distinct(rows, ({ session }) => session).map(sessionNode),
];

const featureNode = ({ id, maxLogins, currentLogins, concurrency, virtualMachine, license }: FeatureInfo): XmlNode => ({
  name: 'feature',
  content: [
    ...leaf('featureid', id),
    ...leaf('maxlogins', maxLogins),
    ...leaf('currentlogins', currentLogins),
    ...(concurrency === undefined
      ? []
      : [
          {
            name: 'concurrency',
            content: [
              ...leaf('export', concurrency.export.join(',')),
              ...leaf('count', concurrency.count),
              ...leaf('seats', concurrency.seats),
            ],
          },
        ]),
    ...leaf('vmenabled', virtualMachine),
    ...(license === undefined ? [] : [{ name: 'license', content: leaves(licenseParts(license)) }]),
  ],
});

const sessionNode = (session: SessionInfo): XmlNode => ({
  name: 'session',
  content: leaves({
    username: session.username,
    userid: session.userId,
    hostname: session.hostname,
    hostid: session.hostId,
    apiversion: session.apiVersion,
    ip: session.ip,
    idle_timeout: session.idleTimeout,
    idle_remaining: session.idleRemaining,
  }),
});

const keyNode = (key: KeyInfo): XmlNode => ({
  name: 'keyspec',
  content: [
    { name: 'keycaps', content: capabilitiesOf(key).map((name) => ({ name })) },
    {
      name: 'hasp',
      content: [
        ...leaf('haspid', key.id),
        ...leaf('nethasptype', networkTypeOf(key)),
        ...leaf('key_model', key.model),
        ...(key.memory ?? []).map(({ name, file, size }) => ({
          name: 'memoryinfo',
          content: [...leaf('name', name), ...leaf('fileid', file), ...leaf('size', size)],
        })),
      ],
    },
    ...(key.port === undefined ? [] : [{ name: 'port', content: portLeaves(key.port) }]),
  ],
});

const portLeaves = (port: PortInfo): readonly XmlNode[] => {
  switch (port.kind) {
    case 'device':
      return leaves({ type: port.type, address: port.address });
    case 'network':
      return leaves({ protocol: port.protocol, address: port.address });
  }
};

/** 0: for this computer only. Network licenses of the keys here are limited by their features, not by the key. */
const networkTypeOf = ({ features, products }: KeyInfo): string =>
  [...features, ...products.flatMap((product) => product.features)].some(
    ({ id, concurrency }) => id !== '0' && concurrency?.export.includes('network') === true,
  )
    ? 'unlimited'
    : '0';

const capabilitiesOf = ({ capabilities, type = '', configuration = '' }: KeyInfo): readonly KeyCapability[] => {
  if (capabilities !== undefined) return keyCapabilities.filter((name) => capabilities.includes(name));
  const software = type.startsWith('HASP-SL');
  const named = [...configuration.split(','), ...(software ? ['haspsl', 'vclock'] : ['hasphl']), 'aes', 'newintf'];
  return keyCapabilities.filter((name) => named.includes(name));
};
