import { Buffer } from 'node:buffer';
import { crc32 } from 'node:zlib';
import { fingerprintOf } from '@keyhaven/core/fingerprint';
import { parseVendorCode, unarmor } from '@keyhaven/core/license';
import { createTestVendor, type LocalLm, startLocalLm } from '@keyhaven/testkit/local-lm';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import { ownIdentity, systemEntropy } from './environment.ts';
import { type Format, getInfo } from './index.ts';
import { createLicensing, type Licensing } from './licensing.ts';

// What applications are told, by a real LM on a real socket (A1).

const catalog = `
products:
  - id: 1
    name: 'Survey <&">'
    features:
      - { id: 42, name: Echo sounder, license: { type: perpetual }, concurrency: { seats: 3 }, detachable: true }
      - { id: 43, name: Count, license: { type: executions, count: 100 } }
      - { id: 44, name: Until, license: { type: expiration, until: '2090-01-01T00:00:00Z' } }
    memory: { readWrite: 4032, readOnly: 16, readOnlyData: { text: fleet } }
`;
const vendor = createTestVendor(catalog);
const other = createTestVendor(catalog, 8);
const stranger = createTestVendor(catalog, 9);
let local: LocalLm;
let key: string;

beforeAll(async () => {
  local = await startLocalLm();
  key = await local.license(vendor);
  await local.license(other);
});
afterAll(() => local[Symbol.asyncDispose]());

const createApplication = (): Licensing => {
  const licensing = createLicensing(local.address, ownIdentity(), systemEntropy);
  onTestFinished(() => licensing.close());
  return licensing;
};
const { vendorCode } = vendor;
const features =
  '<haspformat root="hasp_info"><hasp><attribute name="id"/><feature><attribute name="id"/><element name="license"/></feature></hasp></haspformat>';

describe('information without a session (A1)', () => {
  it('is what this license manager has of this vendor, and of no other', async () => {
    const { licenseManagers } = await createApplication().information({ vendorCode });
    expect(licenseManagers).toHaveLength(1);
    expect(licenseManagers[0]).toMatchObject({
      id: local.lm.guid,
      hostname: 'test-lm',
      ip: '127.0.0.1',
      version: local.lm.status().version,
    });
    expect(licenseManagers[0]?.vendors).toMatchObject([
      {
        id: '7',
        keys: [
          {
            id: key,
            type: 'HASP-SL-AdminMode',
            configuration: 'haspsl-adminmode',
            disabled: false,
            updateCounter: 1,
            memory: [
              { file: 0xfff4, size: 4032 },
              { file: 0xfff5, size: 16 },
            ],
            features: [{ id: '0', license: { type: 'perpetual' } }],
            products: [
              {
                id: '1',
                name: 'Survey <&">',
                features: [
                  { id: '42', usable: true, expired: false, detachable: true, maxLogins: 3, currentLogins: 0, sessions: [] },
                  { id: '43', license: { type: 'executions', total: 100, used: 0 } },
                  { id: '44', license: { type: 'expiration', expires: Date.UTC(2090, 0, 1) / 1000 } },
                ],
              },
            ],
          },
        ],
      },
    ]);
  });

  it('is nothing for who made up a vendor of the same id', async () => {
    const { licenseManagers } = await createApplication().information({ vendorCode: createTestVendor(catalog, 7).vendorCode });
    expect(licenseManagers.flatMap(({ vendors }) => vendors)).toEqual([]);
  });

  it('is what getInfo tells: candidates without a format, else data or XML', async () => {
    vi.stubEnv('KEYHAVEN_LOCAL_LM', `127.0.0.1:${local.port}`);
    // Whoever runs this may have keys of his own.
    vi.stubEnv('KEYHAVEN_STATE', `${local.stateDirectory}/nothing`);
    onTestFinished(() => void vi.unstubAllEnvs());
    expect(await getInfo({ vendorCode, feature: 42 })).toMatchObject([{ key, product: 1 }]);
    expect((await getInfo({ vendorCode, format: 'data' })).licenseManagers).toHaveLength(1);
    expect(await getInfo({ vendorCode, format: 'keyinfo' })).toContain(`<haspid>${key}</haspid>`);
    const format: Format = {
      kind: 'tree',
      root: 'mine',
      objects: [{ object: 'key', fields: [{ name: 'id', as: 'element' }], objects: [] }],
    };
    expect(await getInfo({ vendorCode, format })).toContain(`<mine><hasp><id>${key}</id></hasp></mine>`);
  });

  it('follows the scope and the format', async () => {
    const licensing = createApplication();
    const scope = { product: { id: 1 }, feature: { id: 44 } };
    expect(await licensing.information({ vendorCode, scope, format: features })).toBe(
      `<?xml version="1.0" encoding="UTF-8" ?>\n<hasp_info><hasp id="${key}"><feature id="44"><license><license_type>expiration</license_type>` +
        `<exp_date>${Date.UTC(2090, 0, 1) / 1000}</exp_date></license></feature></hasp></hasp_info>`,
    );
    const named = '<haspformat><product><attribute name="name"/></product></haspformat>';
    expect(await licensing.information({ vendorCode, scope: '<haspscope/>', format: named })).toContain(
      '<product name="Survey &#60;&#38;&#34;&#62;"/>',
    );
  });

  it('comes back as a scope to log in with', async () => {
    const licensing = createApplication();
    const format = '<haspformat root="haspscope"><hasp><attribute name="id"/><feature><attribute name="id"/></feature></hasp></haspformat>';
    const scope = await licensing.information({ vendorCode, scope: { feature: { id: 42 } }, format });
    await using session = await licensing.login({ vendorCode, feature: 42, scope });
    expect(session.key).toBe(key);
    await expect(licensing.login({ vendorCode, feature: 43, scope })).rejects.toMatchObject({ status: 50 });
  });

  it('counts seats, executions and sessions as they are now', async () => {
    const licensing = createApplication();
    await using held = await licensing.login({ vendorCode, feature: 42, seats: 2 });
    await using counted = await licensing.login({ vendorCode, feature: 43, executions: 5 });
    const { licenseManagers } = await licensing.information({ vendorCode });
    const [sounder, count] = licenseManagers[0]?.vendors[0]?.keys[0]?.products[0]?.features ?? [];
    expect(sounder).toMatchObject({
      id: String(held.feature),
      currentLogins: 2,
      sessions: [{ hostname: ownIdentity().host, idleTimeout: 43_200 }],
    });
    expect(count).toMatchObject({ id: String(counted.feature), license: { total: 100 } });
    expect(count?.license?.type === 'executions' ? count.license.used : 0).toBeGreaterThanOrEqual(5);
  });

  it('gives the C2V of the one key in the scope, for its vendor to read', async () => {
    const xml = await createApplication().information({ vendorCode, format: 'updateinfo' });
    expect(unarmor(xml).kind).toBe('C2V');
    expect(vendor.issue(xml)).toContain('BEGIN KEYHAVEN V2C');
  });

  it('says who receives a license that moves, also where there is no key', async () => {
    const xml = await createApplication().information({ vendorCode: stranger.vendorCode, format: '<haspformat root="location"/>' });
    expect(xml).toMatch(/<location><license_manager id="[^"]+" time="\d+"><hostname>test-lm<\/hostname><version>/);
    expect(xml).toContain(`id="${local.lm.guid}"`);
  });

  it('fingerprints this computer for the vendor that asks, with a key of its own or without', async () => {
    const observed = { host: 'physical', values: { disk: ['d1', 'd2'], board: ['b'], cpu: ['c'] } } as const;
    const seen = await startLocalLm({ observe: async () => observed });
    onTestFinished(() => seen[Symbol.asyncDispose]());
    await seen.license(vendor);
    const licensing = createLicensing(seen.address, ownIdentity(), systemEntropy);
    onTestFinished(() => licensing.close());
    const told = async (of: typeof vendor): Promise<unknown> => {
      const xml = await licensing.information({ vendorCode: of.vendorCode, format: '<haspformat format="host_fingerprint"/>' });
      const [, crc, vendorId, base64 = ''] =
        /<hasp_info><host_fingerprint type="SL-AdminMode" crc="(\d+)" vendorid="(\d+)">([\w+/=]+)<\/host_fingerprint><\/hasp_info>$/.exec(
          xml,
        ) ?? [];
      const bytes = Buffer.from(base64, 'base64');
      expect(crc).toBe(String(crc32(bytes)));
      expect(vendorId).toBe(String(parseVendorCode(of.vendorCode).vendor));
      const fingerprint: unknown = JSON.parse(bytes.toString('utf8'));
      expect(fingerprint).toEqual(fingerprintOf(observed, parseVendorCode(of.vendorCode).publicKey));
      return fingerprint;
    };
    expect(await told(stranger)).not.toEqual(await told(vendor));
    const inTree = '<haspformat root="location"/>';
    expect(await licensing.information({ vendorCode, format: inTree })).toMatch(/<version>.*<host_fingerprint type=/);
    expect((await licensing.information({ vendorCode })).licenseManagers[0]?.hostFingerprints).toHaveLength(1);
    await using session = await licensing.login({ vendorCode, feature: 42 });
    expect(await session.info('host_fingerprint')).toContain('<host_fingerprint type="SL-AdminMode"');
    expect(await session.info(features)).not.toContain('host_fingerprint');
  });

  it.each([
    ['no key of the vendor', { vendorCode: stranger.vendorCode, format: features }, 7],
    ['a scope that leaves nothing', { vendorCode, scope: { key: { id: '1' } }, format: features }, 50],
    ['a format that is no XML', { vendorCode, format: '<haspformat' }, 35],
    ['a format unknown', { vendorCode, format: '<haspformat format="everything"/>' }, 15],
    ['a scope that is none', { vendorCode, scope: '<haspscope', format: features }, 36],
  ])('refuses %s with the status of the field', async (_, question, status) => {
    await expect(createApplication().information(question)).rejects.toMatchObject({ status });
  });

  it('travels in parts where it is large', async () => {
    const lines = Array.from(
      { length: 3_000 },
      (_, index) => `      - { id: ${index + 1}, name: ${'x'.repeat(40)}, license: { type: perpetual } }`,
    );
    const large = createTestVendor(`products:\n  - id: 1\n    name: Large\n    features:\n${lines.join('\n')}\n`, 77);
    await local.license(large);
    const data = await createApplication().information({ vendorCode: large.vendorCode });
    expect(JSON.stringify(data).length).toBeGreaterThan(600_000);
    expect(data.licenseManagers[0]?.vendors[0]?.keys[0]?.products[0]?.features).toHaveLength(3_000);
  });
});

describe('information of a session (A1)', () => {
  it('is what the key says, as data and in every format', async () => {
    await using session = await createApplication().login({ vendorCode, feature: 43, executions: 2 });
    const before = await session.info();
    expect(before).toMatchObject({ key, feature: 43, product: 1 });
    const used = before.executions ?? 0;
    expect(used).toBeGreaterThanOrEqual(2);
    const data = await session.info('data');
    expect(data.licenseManagers[0]).toMatchObject({
      id: local.lm.guid,
      vendors: [{ id: '7', keys: [{ id: key, products: [{ id: '1' }] }] }],
    });

    const info = await session.info('sessioninfo');
    expect(info).toMatch(
      new RegExp(
        '<hasp_info><feature><featureid>43</featureid><maxlogins>\\w+</maxlogins><currentlogins>1</currentlogins><concurrency>.*</concurrency>' +
          `<vmenabled>\\w+</vmenabled><license><license_type>executions</license_type><counter_fix>100</counter_fix><counter_var>${used}</counter_var>` +
          '</license></feature><session><username>.*</username><hostname>.*</hostname><idle_timeout>43200</idle_timeout><idle_remaining>\\d+</idle_remaining></session></hasp_info>$',
      ),
    );
    const keyInfo = await session.info('<haspformat format="keyinfo"/>');
    expect(keyInfo).toContain(`<hasp><haspid>${key}</haspid>`);
    expect(keyInfo).toContain('<memoryinfo><name>Main</name><fileid>65524</fileid><size>4032</size></memoryinfo>');
    expect(await session.info(features)).toContain(`<hasp_info><hasp id="${key}"><feature id="43"><license>`);
    expect(await session.info('fastupdateinfo')).toContain('-----BEGIN KEYHAVEN C2V-----');
    expect(await session.info('<haspformat><license_manager><element name="osname"/></license_manager></haspformat>')).toMatch(
      /<osname>\w+</,
    );
  });

  it('of feature 0 names no product', async () => {
    await using session = await createApplication().login({ vendorCode, feature: 0 });
    const format = '<haspformat><hasp><product/><feature><attribute name="id"/></feature></hasp></haspformat>';
    expect(await session.info(format)).toContain('<hasp_info><hasp><feature id="0"/></hasp></hasp_info>');
  });

  it('ends with the session', async () => {
    const session = await createApplication().login({ vendorCode, feature: 0 });
    await session.logout();
    await expect(session.info('sessioninfo')).rejects.toMatchObject({ name: 'ALREADY_LOGGED_OUT' });
  });
});
