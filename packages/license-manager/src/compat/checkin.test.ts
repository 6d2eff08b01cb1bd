import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { createTestVendor } from '@keyhaven/testkit/local-lm';
import { describe, expect, it } from 'vitest';
import { type CompatSite, formOf, startCompatSite } from './compat-site.testing.ts';

const errorIn = (page: string): number => Number(/var error = (-?\d+);/.exec(page)?.[1]);
const upload = (site: CompatSite, text: string | Buffer, field = 'check_in_file', name = 'a.v2c') => {
  const { body, headers } = formOf([{ field, name, text }]);
  return site.ask('POST', '/_int_/checkin_file.html', body, headers);
};

describe('a license uploaded to checkin_file.html', () => {
  it.each(['check_in_file', 'filename'])('is applied from the field %s; the page and the code say so', async (field) => {
    const site = await startCompatSite();
    const reply = await upload(site, await site.v2c(), field);
    expect([reply.code, errorIn(reply.text)]).toEqual([200, 0]);
    expect(JSON.parse(await site.api('GET', '/api/v1/features'))).toHaveLength(2);
  });

  it('is refused with the reason, and nothing is stored', async () => {
    const site = await startCompatSite();
    const v2c = await site.v2c();
    const other = createTestVendor('products:\n  - id: 1\n    name: P\n    features: [{ id: 1, license: { type: perpetual } }]\n', 8);
    const elsewhere = await startCompatSite();
    const files = async () => (await readdir(join(site.directory, 'state'), { recursive: true })).toSorted();
    const [before, keys] = [await files(), await site.api('GET', '/api/v1/keys')];
    const wrong: (string | Buffer)[] = [
      '',
      'not a license',
      v2c.slice(0, -40),
      v2c.replace(/^((?:.*\n){4})(.)/, (_, head: string, first: string) => `${head}${first === 'A' ? 'B' : 'A'}`),
      await elsewhere.v2c(),
      gzipSync(Buffer.alloc(5_000_000)),
      Buffer.from('PK\u0003\u0004zip'),
      `<?xml version="1.0"?>${'<a>'.repeat(10_000)}`,
      other.vendorCode,
    ];
    for (const text of wrong) {
      const reply = await upload(site, text, 'check_in_file', '../../"</script><script>.v2c');
      expect(reply.code).toBeGreaterThanOrEqual(400);
      expect(reply.code).toBeLessThan(500);
      expect(errorIn(reply.text)).toBeGreaterThan(0);
      expect(reply.text.match(/<script/g)).toHaveLength(1);
    }
    const { body, headers } = formOf([1, 2].map((at) => ({ field: 'check_in_file', name: `${at}`, text: v2c })));
    expect(errorIn((await site.ask('POST', '/checkin_file.html', body, headers)).text)).toBe(57);
    const cut = formOf([{ field: 'check_in_file', name: 'a', text: v2c }]);
    expect(errorIn((await site.ask('POST', '/checkin_file.html', cut.body.subarray(0, -20), cut.headers)).text)).toBe(57);
    expect((await upload(site, Buffer.alloc(13 * 1024 * 1024))).code).toBe(413);
    expect(await site.api('GET', '/api/v1/keys')).toBe(keys);
    expect(await files()).toEqual(before);
    expect(errorIn((await upload(site, v2c)).text)).toBe(0);
    expect(await upload(site, v2c)).toMatchObject({
      code: 409,
      text: expect.stringMatching(/var error = (?:54|65);\nvar acc_extended_error = "[^"]{20,}";/),
    });
  });
});
