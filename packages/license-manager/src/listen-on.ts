import { networkInterfaces } from 'node:os';
import type { Settings } from './settings.ts';

/**
 * The addresses to listen on, TCP and UDP; empty = all of IPv4, and of IPv6 where it exists (L2). "Local only" is loopback and nothing else,
 * of IPv6 where the computer has it.
 */
export const listenOn = (
  { bind, localOnly, ipv6 }: Pick<Settings, 'bind' | 'localOnly' | 'ipv6'>,
  interfaces: () => ReturnType<typeof networkInterfaces> = networkInterfaces,
): readonly string[] => {
  if (localOnly) {
    const has6 = ipv6 && Object.values(interfaces()).some((each) => each?.some(({ address }) => address === '::1') === true);
    return has6 ? ['127.0.0.1', '::1'] : ['127.0.0.1'];
  }
  return bind.length > 0 || ipv6 ? bind : ['0.0.0.0'];
};
