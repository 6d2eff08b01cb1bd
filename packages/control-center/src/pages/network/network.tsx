import { Doctor } from './doctor.tsx';
import { Firewall } from './firewall.tsx';
import { PeersMap } from './peers-map.tsx';
import { Traffic } from './traffic.tsx';

// The network, explained (R10): who is there, what blocks, what firewalls need, what passes and what is next.

export const NetworkPage = () => (
  <>
    <PeersMap />
    <Doctor />
    <Firewall />
    <Traffic />
  </>
);
