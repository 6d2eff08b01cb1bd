export { type RunningDiscovery, reachable, type SearchSettings, type StartDiscovery, startDiscovery, type Traffic } from './discovery.ts';
export { discoveryInterfaces, type ReadInterfaces, watchInterfaces } from './interfaces.ts';
export { type Resolve, resolveAll, systemResolve } from './names.ts';
export type { Questions } from './questions.ts';
export { createTcpSearch, type TcpSearch } from './tcp-search.ts';
export { openUdp, type Udp, type UdpAddress, type UdpProblem } from './udp.ts';
