import { isIP } from 'node:net';
import { type AddressEvidence, HOST_MS, type HostEvidence, MAX_ADDRESSES, type NameEvidence } from '@keyhaven/core/doctor';
import { SECOND } from '@keyhaven/core/time';
import type { PeerAddress } from '../peers/index.ts';
import { probeAddress, type Seen } from './probe-address.ts';
import type { DoctorSurroundings } from './surroundings.ts';

// One host: its name, and its addresses beside each other.

const NAMES_MS = 3 * SECOND;
const codeOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'UNKNOWN';

const timeOver = ({ clock }: DoctorSurroundings, ms: number): { readonly over: Promise<void>; cancel(): void } => {
  let cancel = (): void => undefined;
  const over = new Promise<void>((resolve) => {
    cancel = clock.after(ms, resolve);
  });
  return { over, cancel: () => cancel() };
};

const resolved = async (
  around: DoctorSurroundings,
  host: string,
): Promise<{ readonly name: NameEvidence; readonly addresses: readonly string[] }> => {
  if (isIP(host) !== 0) return { name: { kind: 'address' }, addresses: [host] };
  const { over, cancel } = timeOver(around, NAMES_MS);
  try {
    const addresses = await Promise.race([around.resolve(host), over]);
    if (addresses === undefined) return { name: { kind: 'unresolved', code: 'ETIMEDOUT' }, addresses: [] };
    if (addresses.length === 0) return { name: { kind: 'unresolved', code: 'ENODATA' }, addresses: [] };
    return { name: { kind: 'resolved' }, addresses: [...new Set(addresses)].slice(0, MAX_ADDRESSES) };
  } catch (error) {
    return { name: { kind: 'unresolved', code: codeOf(error) }, addresses: [] };
  } finally {
    cancel();
  }
};

const finished = ({ address = '', place = { kind: 'elsewhere' }, ...seen }: Seen): AddressEvidence => ({
  address,
  place,
  tcp: { kind: 'silent' },
  udp: { kind: 'untried' },
  direct: { kind: 'untried' },
  ...seen,
});

/** Takes HOST_MS at most; tells then what is known. */
export const probeHost = async (around: DoctorSurroundings, asked: string, { host, port }: PeerAddress): Promise<HostEvidence> => {
  const { over, cancel } = timeOver(around, HOST_MS);
  const { name, addresses } = await resolved(around, host);
  const seen: Seen[] = addresses.map((address) => ({ address }));
  const probes = seen.map((each, index) => probeAddress(around, { host: addresses[index] ?? '', port }, each));
  await Promise.race([Promise.all(probes), over]);
  cancel();
  return { asked, host, port, name, addresses: seen.map(finished) };
};
