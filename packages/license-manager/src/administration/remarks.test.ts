import { describe, expect, it } from 'vitest';
import { administrationRemarks } from './index.ts';

describe('remarks on administration (S7, S13)', () => {
  const of = (remoteAdministration: boolean, certificate: string | undefined, bind: readonly string[], passwordSet = true) =>
    administrationRemarks({ access: { remoteAdministration }, tls: { certificate } }, bind, passwordSet).map(({ detail }) => detail);
  const plain = expect.stringMatching(/without TLS.*password crosses the network/) as string;
  const unset = expect.stringMatching(/no password is set/) as string;

  it('say that the password crosses the network as it is, where it may and only there', () => {
    expect(of(true, undefined, [])).toEqual([plain]);
    expect(of(true, undefined, ['127.0.0.1', '192.0.2.1'])).toEqual([plain]);
    expect(of(true, undefined, ['127.0.0.1', '::1'])).toEqual([]);
    expect(of(true, 'cert.pem', [])).toEqual([]);
    expect(of(false, undefined, [], false)).toEqual([]);
    expect(of(true, undefined, [], false)).toEqual([plain, unset]);
    expect(of(true, 'cert.pem', [], false)).toEqual([unset]);
  });
});
