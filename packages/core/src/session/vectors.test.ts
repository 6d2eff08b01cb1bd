import { describe, expect, it } from 'vitest';
import { hex, WireError, Writer } from '../bytes/index.ts';
import { vectorFile } from '../bytes/vector-file.testing.ts';
import { orRefused, plain, unhex } from '../bytes/wire.testing.ts';
import { LicensingError, Status } from '../errors/index.ts';
import { readCertificate } from '../license/index.ts';
import { decodeGrant, encodeGrant, readCalls, readReplies, writeCall, writeReply } from './calls.ts';
import { checkGrant } from './check.ts';
import { makeSessionVectors } from './vectors.testing.ts';

const { recorded, made } = vectorFile('session', makeSessionVectors);

/** Every cut of the bytes of one call or reply. */
const cuts = (bytes: string): Uint8Array[] =>
  Array.from({ length: bytes.length / 2 - 1 }, (_, index) => unhex(bytes).subarray(0, index + 1));

describe('vectors/session.json', () => {
  it('is what the code makes today', () => expect(recorded).toEqual(made));

  it.each(recorded.calls)('the call "$name": read as written, written as read, refused at every cut', ({ id, call, bytes }) => {
    const [found] = readCalls(unhex(bytes));
    expect(plain(found)).toEqual({ id, call });
    if (found?.call === undefined) throw new WireError('a call unknown');
    const out = new Writer();
    writeCall(out, found.id, found.call);
    expect(hex(out.done())).toBe(bytes);
    for (const cut of cuts(bytes)) expect(orRefused(() => readCalls(cut))).toBeUndefined();
  });

  it.each(recorded.replies)('the reply "$name": read as written, written as read, refused at every cut', ({ reply, bytes }) => {
    const [found] = readReplies(unhex(bytes));
    expect(plain(found)).toEqual(reply);
    const out = new Writer();
    if (found !== undefined) writeReply(out, found);
    expect(hex(out.done())).toBe(bytes);
    for (const cut of cuts(bytes)) expect(orRefused(() => readReplies(cut))).toBeUndefined();
  });

  it('has a grant that reads as written and is written as read', () => {
    expect(plain(decodeGrant(unhex(recorded.grant.bytes)))).toEqual(recorded.grant.grant);
    expect(hex(encodeGrant(decodeGrant(unhex(recorded.grant.bytes))))).toBe(recorded.grant.bytes);
    const { grant, bytes } = recorded.endingGrant;
    expect(plain(decodeGrant(unhex(bytes)))).toEqual(grant);
    expect(hex(encodeGrant(decodeGrant(unhex(bytes))))).toBe(bytes);
  });

  it('has records of all calls and of all replies, in their order', () => {
    expect(plain(readCalls(unhex(recorded.records.calls)))).toEqual(recorded.calls.map(({ id, call }) => ({ id, call })));
    expect(plain(readReplies(unhex(recorded.records.replies)))).toEqual(recorded.replies.map(({ reply }) => reply));
  });

  it.each(recorded.laterVersions)('$name (T6)', ({ what, bytes, found }) => {
    expect(plain(what === 'calls' ? readCalls(unhex(bytes)) : readReplies(unhex(bytes)))).toEqual(found);
  });

  it.each(recorded.refused)('$name is refused', ({ what, bytes }) => {
    const read = { calls: readCalls, replies: readReplies, grant: decodeGrant }[what];
    expect(read).toBeDefined();
    expect(() => read?.(unhex(bytes))).toThrow(WireError);
  });

  const certificate = readCertificate(new TextEncoder().encode(recorded.certificatePayload));
  const checks = recorded.checks.map(({ name, asked, grant, status }) => ({
    name,
    asked,
    status,
    check: () => checkGrant(decodeGrant(unhex(grant)), asked, certificate),
  }));

  it.each(checks.filter(({ status }) => status === Status.OK))('a grant for $name is believed (I4)', ({ asked, check }) => {
    expect(check()).toMatchObject({ id: asked.feature });
  });

  it.each(checks.filter(({ status }) => status !== Status.OK))('a grant for $name is refused (I4)', ({ check, status }) => {
    expect(status).toBe(Status.SCHAN_ERR);
    expect(check).toThrow(expect.objectContaining({ constructor: LicensingError, status }));
  });
});
