import type { LmStatus, PeerInfo } from '@keyhaven/core/admin';
import { useLive } from '../../app-context.ts';
import { ProblemNotice, Waiting } from '../../ui/notice.tsx';
import type { Paged } from '../overview.tsx';
import { Doctor } from './doctor.tsx';
import { Firewall, type Plan } from './firewall.tsx';
import { PeersMap } from './peers-map.tsx';
import { Traffic } from './traffic.tsx';

// The network, explained (R10): who is there, what blocks, what firewalls need, what passes and what is next.

export const NetworkPage = () => {
  const status = useLive<LmStatus>('/api/v1/status', 'status');
  const peers = useLive<Paged<PeerInfo>>('/api/v1/list/peers?limit=1000', 'peers');
  const plan = useLive<Plan>('/api/v1/network/plan', 'settings');
  const problem = [status, peers, plan].find((each) => each.problem !== undefined)?.problem;
  // All at once, so that nothing moves when the rest comes.
  if (status.value === undefined || peers.value === undefined || plan.value === undefined)
    return problem === undefined ? <Waiting /> : <ProblemNotice problem={problem} />;
  return (
    <>
      {problem === undefined ? null : <ProblemNotice problem={problem} />}
      <PeersMap self={status.value} peers={peers.value.items} />
      <Doctor />
      <Firewall plan={plan.value} />
      <Traffic />
    </>
  );
};
