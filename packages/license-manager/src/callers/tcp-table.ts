import { isIPv4 } from 'node:net';
import { endianness } from 'node:os';
import type { Ends } from './types.ts';

// /proc/net/tcp and tcp6 (proc_pid_net(5)): one line for each socket, addresses as hexadecimal words in the order of this computer's bytes.

const word = (bytes: readonly number[]): string =>
  (endianness() === 'LE' ? bytes.toReversed() : bytes).map((byte) => byte.toString(16).toUpperCase().padStart(2, '0')).join('');
const hexPort = (port: number): string => port.toString(16).toUpperCase().padStart(4, '0');
const plain = (address: string): string => address.replace(/^::ffff:(?=\d+\.)/i, '');

/** How one end is written in tcp (`v4`) or tcp6; only loopback addresses of IPv6, and IPv4 within IPv6. */
const written = (address: string, port: number, table: 'tcp' | 'tcp6'): string | undefined => {
  const own = plain(address);
  if (isIPv4(own)) {
    const v4 = word(own.split('.').map(Number));
    return `${table === 'tcp' ? v4 : `${'0'.repeat(16)}${word([0, 0, 255, 255])}${v4}`}:${hexPort(port)}`;
  }
  return own === '::1' && table === 'tcp6' ? `${'0'.repeat(24)}${word([0, 0, 0, 1])}:${hexPort(port)}` : undefined;
};

/** The inode of the socket at the other end of a connection on this computer; undefined where the table has none. */
export const inodeOfOther = (text: string, table: 'tcp' | 'tcp6', { here, there }: Ends): string | undefined => {
  const [own, other] = [written(there.address, there.port, table), written(here.address, here.port, table)];
  if (own === undefined || other === undefined) return undefined;
  const at = text.indexOf(` ${own} ${other} `);
  if (at === -1) return undefined;
  const end = text.indexOf('\n', at);
  // From here on: local, remote, state, queues, timer, retransmissions, uid, timeout, inode.
  const inode = text.slice(at + 1, end === -1 ? undefined : end).split(/\s+/)[8];
  return inode === undefined || inode === '0' ? undefined : inode;
};
