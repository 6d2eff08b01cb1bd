export { type RunningDiscovery, type SearchSettings, type StartDiscovery, startDiscovery, type Traffic } from './discovery.ts';
export { type ReadInterfaces, watchInterfaces } from './interfaces.ts';
export { openUdp, type Udp, type UdpAddress, type UdpProblem } from './udp.ts';
