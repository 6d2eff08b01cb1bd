import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { faultOfPassphrase, isShortPassphrase } from './passphrase-rules.ts';

describe('a new passphrase', () => {
  it.each(['choose your own', 'a passphrase', 'pässphrase', 'correct horse', 'xK3#vv9Q', 'ärgerlich', 'passphrase'])(
    '%s is taken',
    (text) => {
      expect(faultOfPassphrase(text, ['Acme'])).toBeUndefined();
    },
  );

  it.each(['', 'x', 'secret', '1234567', '🔑🔑🔑🔑🔑🔑🔑'])('%j is too short, and the fault says both lengths', (text) => {
    expect(faultOfPassphrase(text)).toMatch(/at least 8 characters, and it has \d$/);
    expect(isShortPassphrase(text)).toBe(true);
  });

  it.each([
    'password',
    'Password1',
    'PASSWORD!!',
    'passwort 2027',
    '12345678',
    '123456789012',
    '87654321',
    'abcdefgh',
    'qwertyui',
    'poiuytrewq',
    'aaaaaaaa',
    'abcabcabc',
    '        ',
    'Survey Ltd',
    'letmein123',
  ])('%j is guessed first', (text) => {
    expect(faultOfPassphrase(text, ['Survey Ltd'])).toContain('guessed first');
  });

  it('is at most 1024 characters long', () => {
    expect(faultOfPassphrase('ab9?'.repeat(257))).toContain('at most 1024');
  });

  it('counts composed and separate accents alike, and never gives away what was typed', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', minLength: 4, maxLength: 12 }), (text) => {
        expect(faultOfPassphrase(text.normalize('NFD'))).toBe(faultOfPassphrase(text.normalize('NFC')));
        const word = `zq${text.replaceAll(/[^a-z]/g, '')}qz`;
        expect(faultOfPassphrase(word) ?? '').not.toContain(word);
      }),
    );
  });
});
