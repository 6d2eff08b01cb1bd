import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { LicensingError } from '../errors/index.ts';
import { matches, parseScope, type ScopeSubject } from '../scope/index.ts';
import { readXml, type XmlElement } from '../xml/index.ts';
import { parseFormat } from './format.ts';
import { firstKey, only, remoteKey, secondKey, site } from './info.testing.ts';
import type { FeatureInfo, InfoData, KeyInfo } from './info-data.ts';
import { renderInfo } from './render.ts';
import { toFormat } from './typed-format.ts';

const render = (format: string, data: InfoData = site): string => renderInfo(toFormat(format), data).replace(/^<\?xml[^>]*\?>\n/, '');
const refusal = (work: () => unknown): string => {
  try {
    work();
  } catch (error) {
    if (error instanceof LicensingError) return `${error.status} ${error.detail}`;
    throw error;
  }
  return 'accepted';
};
const usual =
  '<haspformat root="hasp_info"><hasp><attribute name="id"/><attribute name="type"/><feature><attribute name="id"/>' +
  '<attribute name="name"/><element name="license"/></feature></hasp></haspformat>';

describe('a custom format (A1)', () => {
  it('begins with the declaration that monitoring programs look for', () => {
    expect(renderInfo(parseFormat(usual), site)).toMatch(/^<\?xml version="1\.0" encoding="UTF-8" \?>\n<hasp_info><hasp id="/);
  });

  it('gives what existing programs ask for and search (interop 4)', () => {
    const text = render(usual, only(secondKey));
    expect(text).toBe(
      '<hasp_info><hasp id="12345" type="Sentinel-HL"><feature id="42" name="Echo sounder">' +
        '<license><license_type>perpetual</license_type></license></feature></hasp></hasp_info>',
    );
    const from = text.indexOf('id="') + 4;
    expect(text.slice(from, text.indexOf('"', from))).toBe('12345');
  });

  it('writes every type of license', () => {
    const text = render('<haspformat><feature><attribute name="id"/><element name="license"/></feature></haspformat>', only(firstKey));
    expect(text).toBe(
      '<hasp_info><feature id="0"><license><license_type>perpetual</license_type></license></feature>' +
        '<feature id="42"><license><license_type>perpetual</license_type></license></feature>' +
        '<feature id="43"><license><license_type>executions</license_type><counter_fix>100</counter_fix><counter_var>7</counter_var></license></feature>' +
        '<feature id="44"><license><license_type>expiration</license_type><exp_date>1830297599</exp_date></license></feature>' +
        '<feature id="45"><license><license_type>trial</license_type><time_start>1800000000</time_start><total_time>2592000</total_time></license></feature>' +
        '</hasp_info>',
    );
  });

  it('keeps ids of 64 bits', () => {
    expect(render('<haspformat><hasp><attribute name="id"/></hasp></haspformat>', only(firstKey))).toBe(
      '<hasp_info><hasp id="9223372036854775809"/></hasp_info>',
    );
  });

  it('groups as it nests, and names one vendor once', () => {
    expect(
      render(
        '<haspformat root="list"><vendor><attribute name="id"/><license_manager><attribute name="hostname"/><hasp><attribute name="id"/></hasp></license_manager></vendor></haspformat>',
      ),
    ).toBe(
      '<list><vendor id="37515"><license_manager hostname="front-desk"><hasp id="9223372036854775809"/><hasp id="12345"/></license_manager>' +
        '<license_manager hostname="cellar"><hasp id="777"/></license_manager></vendor></list>',
    );
  });

  it('names one vendor once, however many license managers hold keys of it', () => {
    expect(render('<haspformat><vendor><element name="id"/><hasp><attribute name="id"/></hasp></vendor></haspformat>')).toBe(
      '<hasp_info><vendor><id>37515</id><hasp id="9223372036854775809"/><hasp id="12345"/><hasp id="777"/></vendor></hasp_info>',
    );
  });

  it('groups keys by feature where keys stand in features', () => {
    expect(
      render(
        '<haspformat><feature><attribute name="id"/><attribute name="name"/><hasp><attribute name="id"/></hasp></feature></haspformat>',
      ),
    ).toContain('<feature id="42" name="Echo sounder"><hasp id="9223372036854775809"/><hasp id="12345"/></feature>');
  });

  it('gives lists beside each other', () => {
    expect(
      render(
        '<haspformat><hasp><attribute name="id"/></hasp><product><attribute name="id"/><element name="name"/></product></haspformat>',
        only(secondKey),
      ),
    ).toBe('<hasp_info><hasp id="12345"/><product id="1"><name>Survey</name></product></hasp_info>');
  });

  it('gives all fields for *, and each of them once', () => {
    expect(
      render('<haspformat><hasp><attribute name="id"/><element name="*"/><attribute name="id"/></hasp></haspformat>', only(secondKey)),
    ).toBe(
      '<hasp_info><hasp id="12345"><type>Sentinel-HL</type><configuration>sentinelhl,driverless</configuration>' +
        '<key_model>Sentinel HL Max</key_model><drive_info><size>4096</size><mount_point>/mnt</mount_point><device>/dev/sdb</device></drive_info></hasp></hasp_info>',
    );
  });

  it('takes parts of a field, as elements or attributes, and a whole field as attributes', () => {
    const asked =
      '<haspformat><feature><concurrency><element name="seats"/></concurrency><license><attribute name="*"/></license>' +
      '<attribute name="concurrency"/></feature></haspformat>';
    expect(render(asked, only(secondKey))).toBe(
      '<hasp_info><feature><concurrency><seats>5</seats></concurrency><license license_type="perpetual"/>' +
        '<concurrency export="local,network" count="login" seats="5"/></feature></hasp_info>',
    );
  });

  it('writes memory, sessions and the recipient', () => {
    expect(render('<haspformat><hasp><element name="isv_memory"/></hasp></haspformat>', only(firstKey))).toContain(
      '<isv_memory><fileattr>rw</fileattr><fileid>65524</fileid><filesize>4032</filesize></isv_memory><isv_memory>',
    );
    expect(render('<haspformat><session><attribute name="*"/></session></haspformat>')).toBe(
      '<hasp_info><session username="ada" userid="1000" hostname="bench-3" hostid="77" apiversion="1.0" ip="10.0.0.7" idle_timeout="43200" idle_remaining="43000"/></hasp_info>',
    );
    expect(render('<haspformat root="location"/>', { licenseManagers: site.licenseManagers.slice(0, 1) })).toBe(
      '<location><license_manager id="a1b2" time="1800000000"><hostname>front-desk</hostname><version>0.1.0</version>' +
        '<host_fingerprint type="SL-AdminMode" crc="99" vendorid="37515">QUJD</host_fingerprint></license_manager></location>',
    );
  });

  it('escapes hostile names, so that they stay names (S3)', () => {
    const name = `"/><hasp id="666"/>&amp;'\u0000]]>\n`;
    const key: KeyInfo = { id: '1', products: [{ id: '1', name, features: [] }], features: [] };
    const text = render('<haspformat><product><attribute name="name"/><element name="name"/></product></haspformat>', only(key));
    const [product] = readXml(text, 35).children;
    expect(product?.attributes.get('name')).toBe(name.replace('\u0000', '\uFFFD'));
    expect(product?.children.map(({ text: inner }) => inner)).toEqual([name.replace('\u0000', '\uFFFD')]);
    expect(text).not.toContain('<hasp ');
  });

  it('is empty where nothing was found', () => {
    expect(render(usual, { licenseManagers: [] })).toBe('<hasp_info/>');
  });
});

const subjectOf = (key: KeyInfo, product?: string, feature?: string): ScopeSubject => ({
  licenseManager: { hostname: 'front-desk', id: 'a1b2', ips: ['127.0.0.1'] },
  vendor: { id: '37515' },
  key: { id: key.id, type: key.type, configuration: key.configuration, version: key.version },
  product: product === undefined ? undefined : { id: product },
  feature: feature === undefined ? undefined : { id: feature },
});

describe('the root haspscope', () => {
  it('gives a scope for exactly what was found', () => {
    const xml = render(
      '<haspformat root="haspscope"><hasp><attribute name="id"/><element name="type"/><attribute name="updatecounter"/>' +
        '<product><attribute name="id"/><feature><attribute name="id"/><element name="license"/></feature></product></hasp></haspformat>',
      only(secondKey),
    );
    expect(xml).toBe('<haspscope><hasp id="12345"><type>Sentinel-HL</type><product id="1"><feature id="42"/></product></hasp></haspscope>');
    const { scope } = parseScope(xml);
    expect(matches(scope, subjectOf(secondKey, '1', '42'))).toBe(true);
    expect(matches(scope, subjectOf(secondKey, '1', '43'))).toBe(false);
    expect(matches(scope, subjectOf(firstKey, '1', '42'))).toBe(false);
  });

  it('takes * as all that a scope knows', () => {
    const xml = render('<haspformat root="haspscope"><hasp><attribute name="*"/></hasp></haspformat>');
    const { scope } = parseScope(xml);
    for (const key of [firstKey, secondKey, remoteKey]) expect(matches(scope, subjectOf(key))).toBe(true);
    expect(matches(scope, subjectOf({ ...firstKey, id: '5' }))).toBe(false);
  });

  it.each([
    ['nothing was found', { licenseManagers: [] }],
    ['only keys without the features asked for were found', only(remoteKey)],
    ['a host name would mean everything but a host', { licenseManagers: [{ id: 'x', hostname: '~evil', vendors: [] }] }],
    ['a host name is none', { licenseManagers: [{ id: 'x', hostname: 'two words', vendors: [] }] }],
    ['the host name is not known', { licenseManagers: [{ id: 'x', vendors: [] }] }],
  ])('refuses with SCOPE_RESULTS_EMPTY where %s, for an empty scope means everything', (_, data) => {
    const asked =
      data.licenseManagers[0]?.vendors.length === 1
        ? '<hasp><attribute name="id"/><feature><attribute name="id"/></feature></hasp>'
        : '<license_manager><attribute name="hostname"/></license_manager>';
    expect(refusal(() => render(`<haspformat root="haspscope">${asked}</haspformat>`, data))).toMatch(/^50 /);
  });

  it('refuses a scope that is larger than a license manager accepts', () => {
    const keys = Array.from({ length: 3_000 }, (_, index): KeyInfo => ({ ...remoteKey, id: String(index + 1) }));
    const data: InfoData = { licenseManagers: [{ id: 'x', vendors: [{ id: '1', keys }] }] };
    expect(refusal(() => render('<haspformat root="haspscope"><hasp><attribute name="id"/></hasp></haspformat>', data))).toMatch(/^501 /);
  });

  it('accepts back whatever names it meets, and lets through only what was found', () => {
    const hostile = fc.string({ unit: fc.constantFrom('~', '<', '"', '&', ' ', 'a', '1', '\n', '\u0000', '.'), maxLength: 8 });
    const lm = fc.record({ id: hostile, hostname: hostile, ip: hostile, vendors: fc.constant([]) });
    const format = parseFormat(
      '<haspformat root="haspscope"><license_manager><attribute name="hostname"/><element name="id"/><attribute name="ip"/></license_manager></haspformat>',
    );
    fc.assert(
      fc.property(fc.array(lm, { maxLength: 3 }), (licenseManagers) => {
        let text = '';
        if (refusal(() => (text = renderInfo(format, { licenseManagers }))).startsWith('50 ')) return;
        const { scope } = parseScope(text);
        const stranger = {
          licenseManager: { hostname: 'stranger', id: 'stranger', ips: ['192.0.2.1'] },
          vendor: { id: 1 },
          key: { id: 1 },
        };
        expect(matches(scope, stranger)).toBe(false);
      }),
    );
  });
});

describe('predefined formats', () => {
  it('keyinfo has the haspid without attributes, in one hasp (interop 4)', () => {
    expect(render('keyinfo', only(firstKey))).toBe(
      '<hasp_info><keyspec><keycaps><haspsl/><haspsl-adminmode/><aes/><newintf/><vclock/></keycaps>' +
        '<hasp><haspid>9223372036854775809</haspid><nethasptype>unlimited</nethasptype>' +
        '<memoryinfo><name>Main</name><fileid>65524</fileid><size>4032</size></memoryinfo>' +
        '<memoryinfo><name>Read only</name><fileid>65525</fileid><size>2048</size></memoryinfo></hasp></keyspec></hasp_info>',
    );
    const text = render('keyinfo', only(secondKey));
    expect(text.slice(text.indexOf('<haspid>') + 8, text.indexOf('</haspid>'))).toBe('12345');
    expect(text).toBe(
      '<hasp_info><keyspec><keycaps><hasphl/><driverless/><aes/></keycaps><hasp><haspid>12345</haspid><nethasptype>unlimited</nethasptype>' +
        '<key_model>Sentinel HL Max</key_model></hasp><port><type>USB</type><address>786432</address></port></keyspec></hasp_info>',
    );
    expect(render('keyinfo', only(remoteKey))).toContain(
      '<nethasptype>0</nethasptype></hasp><port><protocol>IP</protocol><address>10.0.0.9</address></port>',
    );
  });

  it('sessioninfo has the seats, the license and the idle time', () => {
    const [product] = firstKey.products;
    const features: readonly FeatureInfo[] = product?.features.slice(0, 1) ?? [];
    expect(render('sessioninfo', only({ id: '1', products: [], features }))).toBe(
      '<hasp_info><feature><featureid>42</featureid><maxlogins>5</maxlogins><currentlogins>1</currentlogins>' +
        '<concurrency><export>local,network</export><count>login</count><seats>5</seats></concurrency><vmenabled>true</vmenabled>' +
        '<license><license_type>perpetual</license_type></license></feature>' +
        '<session><username>ada</username><userid>1000</userid><hostname>bench-3</hostname><hostid>77</hostid><apiversion>1.0</apiversion>' +
        '<ip>10.0.0.7</ip><idle_timeout>43200</idle_timeout><idle_remaining>43000</idle_remaining></session></hasp_info>',
    );
  });

  it('updateinfo and fastupdateinfo wrap the C2V as it is', () => {
    const c2v = '-----BEGIN KEYHAVEN C2V-----\nQUJD+/8=\n-----END KEYHAVEN C2V-----\n';
    for (const name of ['updateinfo', 'fastupdateinfo']) {
      expect(render(name, only({ ...firstKey, c2v }))).toBe(`<hasp_info><c2v>${c2v}</c2v></hasp_info>`);
      expect(refusal(() => render(name, only(firstKey)))).toMatch(/^16 /);
      expect(refusal(() => render(name))).toMatch(/^37 3 keys/);
    }
  });

  it('host_fingerprint names the computer, and refuses where nobody knows it', () => {
    expect(render('host_fingerprint')).toBe(
      '<hasp_info><host_fingerprint type="SL-AdminMode" crc="99" vendorid="37515">QUJD</host_fingerprint></hasp_info>',
    );
    expect(refusal(() => render('host_fingerprint', only(firstKey)))).toMatch(/^16 /);
  });
});

describe('any data', () => {
  const word = fc.string({ unit: fc.constantFrom('a', '<', '&', '"', ' ', '\u0000', '\u{1F511}', '\n') });
  const feature: fc.Arbitrary<FeatureInfo> = fc.record({ id: fc.nat(99).map(String), name: word, sessions: fc.constant([]) });
  const key: fc.Arbitrary<KeyInfo> = fc.record({
    id: fc.bigInt({ min: 1n, max: 2n ** 64n - 1n }).map(String),
    type: word,
    products: fc.array(fc.record({ id: fc.nat(9).map(String), name: word, features: fc.array(feature, { maxLength: 3 }) }), {
      maxLength: 3,
    }),
    features: fc.array(feature, { maxLength: 1 }),
  });
  const data: fc.Arbitrary<InfoData> = fc.array(key, { maxLength: 4 }).map((keys) => ({
    licenseManagers: [{ id: 'x', vendors: [{ id: '1', keys }] }],
  }));

  it('comes out well formed, with every key and every feature of it once', () => {
    const format = parseFormat(
      '<haspformat><hasp><attribute name="id"/><element name="*"/><feature><attribute name="id"/><element name="name"/></feature></hasp></haspformat>',
    );
    const features = (element: XmlElement): string[] =>
      element.children.filter(({ name }) => name === 'feature').map(({ attributes }) => attributes.get('id') ?? '');
    fc.assert(
      fc.property(data, (given) => {
        const text = renderInfo(format, given);
        fc.pre(text.length < 30_000);
        const found = readXml(text, 35).children.map((hasp) => [hasp.attributes.get('id'), features(hasp)]);
        const keys = given.licenseManagers[0]?.vendors[0]?.keys ?? [];
        const expected = keys.map((each) => [
          each.id,
          [...each.features, ...each.products.flatMap((product) => product.features)].map(({ id }) => id),
        ]);
        expect(found).toEqual(expected);
      }),
    );
  });
});
