import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { hmac, secretKey } from '../crypto/index.ts';
import { identityOfHolder, isHere, isLinked, restHolder } from '../seats/index.ts';
import {
  actionIn,
  chosen,
  exactJson,
  feedQueryOf,
  fromRemotePage,
  identityKey,
  isSignedBy,
  oldHttpAnswer,
  parseExactJson,
  signedRequestIn,
  toRemotePage,
  uploadPage,
} from './index.ts';

describe('a query of a feed', () => {
  it('takes 0, -1 and nothing as all, and passes over what it does not know', () => {
    const all = { key: undefined, vendor: undefined, product: undefined, feature: undefined, from: 1, to: Number.MAX_SAFE_INTEGER };
    expect(feedQueryOf({})).toEqual(all);
    expect(feedQueryOf({ haspid: '0', featureid: '-1', vendorid: '0', productid: '0', timestamp: '1?', x: ['a', 'b'] })).toEqual(all);
    expect(feedQueryOf({ haspid: '2622877015606951895?', featureid: '0', filterfrom: '3', filterto: '20?' })).toEqual({
      ...all,
      key: '2622877015606951895',
      feature: 0,
      from: 3,
      to: 20,
    });
    expect(feedQueryOf({ haspid: 'x', vendorid: ['1'], filterfrom: '-5' })).toEqual(all);
  });

  it('cuts a window out of what the filters leave', () => {
    const rows = Array.from({ length: 30 }, (_, feature) => ({ key: String(feature % 2), feature }));
    const found = [...chosen(rows, { ...feedQueryOf({ filterfrom: '2', filterto: '3' }), key: '1' })];
    expect(found).toEqual([
      { row: rows[3], index: 2 },
      { row: rows[5], index: 3 },
    ]);
  });
});

describe('an action', () => {
  it('ends a session, or says settings', () => {
    expect(actionIn('deletelogin=0a1b\r\n')).toEqual({ kind: 'end session', session: '0a1b' });
    const block =
      'config\naccesstoremote=0\nbroadcastsearch=0\naccessfromremote_local=1\naccessfromremote_secure=0\naccessfromremote_split=0\naccessfromremote_remote=0\n/config\n';
    expect(actionIn(block)).toEqual({
      kind: 'settings',
      settings: { 'access.remoteLicenses': false, 'search.broadcast': false, 'access.remoteClients': 'none' },
    });
    expect(actionIn('config\nserverlist\n192.0.2.1\nlicense.example\n/serverlist\n/config')).toEqual({
      kind: 'settings',
      settings: { 'search.addresses': ['192.0.2.1', 'license.example'] },
    });
  });
  it.each([
    '',
    'deletelogin=',
    'deletelogin=a&x=1',
    'config',
    'config\n/config',
    'config\npassacc=1\n/config',
    'config\nbroadcastsearch=2\n/config',
    'config\nserverlist\na\n/config',
    'config\naccessfromremote_local=1\naccessfromremote_remote=1\n/config',
    'config\n__proto__=1\n/config',
    'x\n'.repeat(2_000),
  ])('is refused: %j', (body) => expect(actionIn(body).kind).toBe('unknown'));
});

describe('pages', () => {
  const settings = {
    remoteLicenses: true,
    broadcast: false,
    aggressive: true,
    addresses: ['<b>', '</textarea><script>'],
    remoteClients: 'split',
  } as const;
  it('have the inputs that scripts look for', () => {
    const to = toRemotePage(settings);
    expect(to).toMatch(/<input type=checkbox id=accesstoremote [^>]*checked>/);
    expect(/<input type=checkbox id=broadcastsearch [^>]*>/.exec(to)?.[0]).not.toContain('checked');
    expect(to).toContain('id=serverlist');
    expect(to).not.toContain('</textarea><script>');
    const from = fromRemotePage(settings);
    const radios = [...from.matchAll(/<input type=radio id=(accessfromremote_\w+) [^>]*>/g)];
    expect(radios.map(([, id]) => id)).toEqual(['local', 'secure', 'split', 'remote'].map((each) => `accessfromremote_${each}`));
    expect(radios.filter(([tag]) => tag.includes('checked')).map(([, id]) => id)).toEqual(['accessfromremote_split']);
    expect(`${to}${from}`).not.toMatch(/type=["']?password|error|access denied|unauthorized/i);
  });
  it('no text of an upload leaves its string or its element (S8)', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.string({ unit: 'binary' }), fc.constantFrom('</script><script>alert(1)</script>', '";alert(1);//', "'\n\\")),
        (text) => {
          const page = uploadPage(19, text);
          expect(page.match(/<script/g)).toHaveLength(1);
          const [, error, said] = /var error = (-?\d+);\nvar acc_extended_error = ("(?:[^"\\]|\\.)*");\n<\/script>/.exec(page) ?? [];
          expect(error).toBe('19');
          expect(JSON.parse(said ?? '')).toBe(text.toWellFormed());
        },
      ),
    );
  });
});

describe('JSON with numbers of 64 bits', () => {
  it('keeps them, both ways', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: (1n << 63n) - 1n }), fc.string(), (id, name) => {
        const text = exactJson({ keyId: id, name, none: undefined, list: [id, 1, null, true] });
        expect(text).toContain(`"keyId":${id},`);
        const read = parseExactJson(text) as { keyId: unknown; name: string };
        expect(String(read.keyId)).toBe(String(id));
        expect(read.name).toBe(name);
      }),
    );
    expect(parseExactJson('{"a":"1234567890123456789","b":[1234567890123456789],"c":1.5000000000000000}')).toEqual({
      a: '1234567890123456789',
      b: ['1234567890123456789'],
      c: 1.5,
    });
  });
});

describe('the header of an identity', () => {
  it('is an HMAC over name, moment, path and body, under a key made of the text of the secret', () => {
    const secret = 'Secret01';
    const derived = hmac(secretKey(Buffer.from(secret)), Buffer.from('X-LDK-Identity-WS-V1'));
    const date = '2026-01-01T00:00:00Z';
    const signature = hmac(secretKey(derived), Buffer.from(`me${date}/a b^{}\n`)).toString('hex');
    const signed = signedRequestIn(`V1, Identity=me, RequestDate=${date}, Signature=${signature}`);
    if (signed === undefined) throw new Error('not read');
    expect(isSignedBy(identityKey(secret), signed, '/a b', Buffer.from('{}\n'))).toBe(true);
    expect(isSignedBy(identityKey(secret), signed, '/a b', Buffer.from('{}'))).toBe(false);
    expect(isSignedBy(identityKey(secret), signed, '/a%20b', Buffer.from('{}\n'))).toBe(false);
    expect(isSignedBy(identityKey('other'), signed, '/a b', Buffer.from('{}\n'))).toBe(false);
  });
  it.each([
    '',
    'V1',
    'V1, Identity=a, RequestDate=2026-13-45T99:99:99Z, Signature='.concat('a'.repeat(64)),
    'V1, Identity=a b, RequestDate=2026-01-01T00:00:00Z, Signature='.concat('a'.repeat(64)),
  ])('has no other form: %j', (header) => expect(signedRequestIn(header)).toBeUndefined());
});

describe('answers in HTTP/1.0', () => {
  it('are those by which programs know a license manager, byte by byte', () => {
    const answer = oldHttpAnswer('GET / HTTP/1.0\r\n\r\n', Date.UTC(2026, 0, 1)) ?? '';
    expect(answer).toMatch(
      /^HTTP\/1\.0 302 Moved\r\nServer: HASP LM\/([\w._-]+)\r\nDate: .*\r\nLocation: \/_int_\/index\.html\r\nContent-[Tt]ype: text\/html\r\nContent-[Ll]ength: 106\r\n/,
    );
    expect(answer.slice(answer.indexOf('\r\n\r\n') + 4)).toHaveLength(106);
    const none = oldHttpAnswer('OPTIONS / RTSP/1.0\r\n\r\n', 0) ?? '';
    expect(none).toMatch(/^HTTP\/0\.0 501 Not Implemented\r\n/);
    expect(none.slice(none.indexOf('\r\n\r\n') + 4)).toHaveLength(164);
    expect(none).toContain('Your request was not understood or not allowed by this server.');
  });
  it.each([
    'GET / HTTP/1.1\r\n\r\n',
    'GET / HTTP/1.0\r\nHost: here\r\n\r\n',
    'GET /healthz HTTP/1.0\r\n\r\n',
    'GET / HTTP/1.0\r\n',
    'POST / HTTP/1.0\r\n\r\n',
    'GET / HTTP/1.0\r\nhost : x\r\n\r\n',
    '',
  ])('are for nobody else: %j', (head) => expect(oldHttpAnswer(head, 0)).toBeUndefined());
});

it('holders are told apart: an identity here, an identity elsewhere, another license manager', () => {
  const [here, there] = [restHolder('id-1', undefined), restHolder('id-1', '192.0.2.1')];
  expect([here, there, 'local', 'x'.repeat(40)].map(isHere)).toEqual([true, false, true, false]);
  expect([here, there, 'local', 'x'.repeat(40)].map(isLinked)).toEqual([false, false, false, true]);
  expect([here, there, 'local', 'x'.repeat(40)].map(identityOfHolder)).toEqual(['id-1', 'id-1', undefined, undefined]);
});
