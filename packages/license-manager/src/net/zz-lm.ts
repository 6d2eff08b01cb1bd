import { startDiscovery } from '/work/main/packages/license-manager/src/net/index.ts';
import { systemClock } from '/work/main/packages/license-manager/src/machine/index.ts';
import { guidText } from '/work/main/packages/core/src/discovery/index.ts';
const fill = Number(process.argv[2]);
const lm = await startDiscovery({ clock: systemClock, entropy: Math.random, guid: guidText(new Uint8Array(30).fill(fill)), bootCount: 1, tcpPort: 1947, udpPort: 1947,
  bind: process.argv.slice(3), settings: { broadcastSearch: true, intervalMs: 300000, searchAddresses: [] },
  onFound: f => console.log(fill, 'found', f.guid.slice(0,4), f.address, f.port, f.scopeId),
  onHeard: h => console.log(fill, 'heard', h.guid.slice(0,4), h.address, h.notification.kind, h.known),
  onClone: a => console.log(fill, 'CLONE', a),
  onTraffic: t => { if (t.direction==='out') console.log(fill, 'out', t.why, t.address, t.bytes.length, t.problem ?? '') },
  onProblem: p => console.log(fill, 'problem', JSON.stringify(p)) });
console.log(fill, 'addresses', JSON.stringify(lm.addresses));
setInterval(() => {}, 1000);
process.on('SIGTERM', () => lm.stop().then(() => process.exit(0)));
