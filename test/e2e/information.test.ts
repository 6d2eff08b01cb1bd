import { labAvailable } from '@keyhaven/testkit/lab';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { createSite, eventually, FEATURE, type Lm, linkedTo, needsLab, type Site } from './site.ts';
import { statusOf, type ToldApplication } from './told-application.ts';

// What applications are told of a key that is at another LM (A1): without a session by the LM of their own computer, which passes on what the
// other's catalog says; with one by the key itself.

const noLab = labAvailable();

describe('information on a key of another computer (A1)', () => {
  let site: Site;
  let office: Lm;
  let yard: Lm;
  let key: string;
  let application: ToldApplication;
  beforeEach(needsLab(() => site));
  beforeAll(async () => {
    if (noLab !== undefined) return;
    site = await createSite({ hosts: ['office', 'yard'] });
    [office, yard] = await Promise.all([site.startLm('office'), site.startLm('yard')]);
    key = await site.license(office);
    await linkedTo(yard, office);
    application = await site.application('yard');
  });
  afterAll(async () => site?.close());

  it('comes in the format that the application wrote, without a seat', async () => {
    const format =
      '<haspformat root="hasp_info"><license_manager><attribute name="id"/><attribute name="hostname"/><hasp><attribute name="id"/>' +
      '<attribute name="type"/><feature><attribute name="id"/><attribute name="name"/><element name="license"/></feature></hasp>' +
      '</license_manager></haspformat>';
    const scope = `<haspscope><hasp id="${key}"><feature id="${FEATURE.executions}"/></hasp></haspscope>`;
    expect(await application.ask({ vendorCode: site.code, scope }, format)).toBe(
      `<?xml version="1.0" encoding="UTF-8" ?>\n<hasp_info><license_manager id="${office.guid}" hostname="office"><hasp id="${key}" type="HASP-SL-AdminMode">` +
        '<feature id="16" name="Executions"><license><license_type>executions</license_type><counter_fix>3</counter_fix>' +
        '<counter_var>0</counter_var></license></feature></hasp></license_manager></hasp_info>',
    );
    const found = await application.ask({ vendorCode: site.code }, format);
    expect([...found.matchAll(/<feature id="(\d+)"/g)].map(([, id]) => Number(id))).not.toContain(FEATURE.localOnly);
    expect(found).toContain(`<feature id="${FEATURE.fiveSeats}" name="Five seats">`);
    expect(await application.ask({ vendorCode: site.code }, '<haspformat format="keyinfo"/>')).toContain(`<haspid>${key}</haspid>`);
    expect([await office.used(FEATURE.fiveSeats), await office.sessions(), await yard.sessions()]).toEqual([0, [], []]);
  });

  it('of a session is what the key says', async () => {
    const scope = { key: { id: key } };
    const session = await application.login({ vendorCode: site.code, feature: FEATURE.fiveSeats, scope });
    expect(session.licenseManager.guid).toBe(office.guid);
    expect(await session.format('<haspformat format="sessioninfo"/>')).toMatch(
      /<hasp_info><feature><featureid>10<\/featureid><maxlogins>5<\/maxlogins><currentlogins>1<\/currentlogins><concurrency>.*<seats>5<\/seats>.*<license_type>perpetual<.*<session><username>[^<]+<\/username><hostname>yard<\/hostname><idle_timeout>\d+<\/idle_timeout><idle_remaining>\d+<\/idle_remaining><\/session><\/hasp_info>$/,
    );
    expect(await session.format('<haspformat format="keyinfo"/>')).toMatch(
      new RegExp(`<haspid>${key}</haspid>.*<address>${RegExp.escape(session.licenseManager.address)}</address>`),
    );
    await session.logout();
    await eventually('the seat is free', async () => (await office.used(FEATURE.fiveSeats)) === 0);
  });

  it('is not what only the other computer can say: its fingerprint and the C2V (16)', async () => {
    const own = await application.ask({ vendorCode: site.code }, '<haspformat format="host_fingerprint"/>');
    expect(own.match(/<host_fingerprint type="SL-AdminMode" crc="\d+" vendorid="37515">/g)).toHaveLength(1);
    const scope = { key: { id: key } };
    for (const name of ['host_fingerprint', 'updateinfo']) {
      expect(await statusOf(application.ask({ vendorCode: site.code, scope }, `<haspformat format="${name}"/>`))).toBe(16);
    }
  });
});
