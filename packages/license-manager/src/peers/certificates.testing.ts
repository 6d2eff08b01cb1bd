import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';

export type Pem = { readonly cert: string; readonly key: string };

/** An authority and a certificate that it signed, both for two days; undefined without openssl. */
export const makeCertificates = async (): Promise<
  { readonly authority: Pem; readonly signed: Pem; readonly stranger: Pem } | undefined
> => {
  const directory = await mkdtemp(join(tmpdir(), 'keyhaven-pem-'));
  const file = (name: string): string => join(directory, name);
  const openssl = async (...args: string[]): Promise<void> => void (await promisify(execFile)('openssl', args));
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes'];
  const pem = async (name: string): Promise<Pem> => ({
    cert: await readFile(file(`${name}.crt`), 'utf8'),
    key: await readFile(file(`${name}.key`), 'utf8'),
  });
  const ownSigned = (name: string): Promise<void> =>
    openssl('req', '-x509', ...newKey, '-days', '2', '-subj', `/CN=${name}`, '-out', file(`${name}.crt`), '-keyout', file(`${name}.key`));
  try {
    await Promise.all([ownSigned('authority'), ownSigned('stranger')]);
    await openssl('req', ...newKey, '-subj', '/CN=keys', '-out', file('signed.csr'), '-keyout', file('signed.key'));
    await writeFile(file('ext'), 'basicConstraints=CA:FALSE\n');
    const by = ['-CA', file('authority.crt'), '-CAkey', file('authority.key'), '-CAcreateserial'];
    await openssl('x509', '-req', '-in', file('signed.csr'), ...by, '-days', '2', '-extfile', file('ext'), '-out', file('signed.crt'));
    return { authority: await pem('authority'), signed: await pem('signed'), stranger: await pem('stranger') };
  } catch {
    return undefined;
  } finally {
    await rm(directory, { recursive: true });
  }
};
