import { Buffer } from 'node:buffer';
import { describe, expect, it } from 'vitest';
import { fill } from '../bytes/wire.testing.ts';
import { LicensingError } from '../errors/index.ts';
import { openDocument, signDocument } from '../license/index.ts';
import { lmIdentityFrom } from '../link/index.ts';
import { wall } from '../time/index.ts';
import { openRecipient, recipientDocument, recipientKeyFrom } from './index.ts';

// IDs of other versions (77, T6): the format is looked at before the rest, which another version may have in another form.

const key = recipientKeyFrom('sl-adminmode', fill(32, 1), fill(32, 2));
const id = recipientDocument(key, lmIdentityFrom(fill(32, 3)), { name: 'boat', virtualMachine: false }, wall(Date.UTC(2026, 10, 24)));
const fields = JSON.parse(openDocument('ID', id).payload.toString('utf8')) as Record<string, unknown>;
const idWith = (payload: object | string): Buffer =>
  signDocument('ID', Buffer.from(typeof payload === 'string' ? payload : JSON.stringify(payload)), key.signingKey);
const refusal = (document: Uint8Array): string => {
  try {
    return openRecipient(document).host;
  } catch (error) {
    if (!(error instanceof LicensingError)) throw error;
    return `${error.status} ${error.detail}`;
  }
};

describe('the format of an ID', () => {
  it('of this version is read', () => expect(refusal(idWith(fields))).toBe('boat'));

  it('of an earlier version is refused with 77, whatever else is in it', () => {
    const wanted = '77 The ID is in format 0; this license manager reads format 1.';
    expect(refusal(idWith({ ...fields, format: 0 }))).toBe(wanted);
    expect(refusal(idWith({ format: 0, owner: 'as it may have been' }))).toBe(wanted);
  });

  it('of a later version is refused with 42, which says that this license manager is to be upgraded', () => {
    expect(refusal(idWith({ format: 7, more: [] }))).toMatch(
      /^42 The ID is in format 7; .*: upgrade the license manager that is to detach/,
    );
  });

  it.each([{ ...fields, format: '0' }, { ...fields, format: -1 }, { ...fields, format: 0.5 }, {}, [], 'null', '{', '0'])(
    '%j is no ID of any version (58)',
    (payload) => expect(refusal(idWith(payload))).toMatch(/^58 /),
  );

  it('is believed only where the key of the ID signed it', () => {
    const old = idWith({ ...fields, format: 0 });
    const at = old.indexOf('"format":0') + '"format":'.length;
    const changed = Buffer.from(old);
    changed[at] = '1'.charCodeAt(0);
    expect(refusal(changed)).toMatch(/^58 /);
  });
});
