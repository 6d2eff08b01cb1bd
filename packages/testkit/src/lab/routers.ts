import type { Host } from './host.ts';
import { ip, shell } from './tool.ts';

// Hosts that pass packets on between their subnets, as routers do, and the default routes of the others to them.

const FORWARD = `
echo 1 > /proc/sys/net/ipv4/ip_forward
echo 1 > /proc/sys/net/ipv6/conf/all/forwarding`;
// Off in nearly every router (RFC 2644); on where the network's owner wants searches by broadcast to reach other subnets.
const FORWARD_BROADCASTS = `
for each in /proc/sys/net/ipv4/conf/*/bc_forwarding; do echo 1 > $each; done`;

export const makeRouters = async (
  hosts: readonly Host[],
  { routers = [], directedBroadcasts = false }: { readonly routers?: readonly string[]; readonly directedBroadcasts?: boolean },
): Promise<void> => {
  const between = hosts.filter(({ name }) => routers.includes(name));
  for (const { namespace } of between) await shell(namespace, directedBroadcasts ? FORWARD + FORWARD_BROADCASTS : FORWARD);
  for (const host of hosts) {
    const [own, ...more] = host.interfaces();
    if (own === undefined || more.length > 0 || routers.includes(host.name)) continue;
    const gate = between.flatMap((router) => router.interfaces()).find(({ subnet }) => subnet === own.subnet);
    if (gate === undefined) continue;
    await ip(host.namespace, [`route add default via ${gate.address}`, `route add default via ${gate.address6}`]);
  }
};
