import { networkInterfaces } from 'node:os';
import type { Entropy } from '@keyhaven/core/crypto';
import type { LmIdentity } from '@keyhaven/core/link';
import type { Note } from '@keyhaven/core/network';
import type { Clock } from '@keyhaven/core/time';
import { type AddressesOf, admitsRemote, clientDenial, parseClientRules } from '@keyhaven/core/users';
import { listenOn } from '../listen-on.ts';
import { discoveryInterfaces, type Questions, reachable, systemResolve } from '../net/index.ts';
import type { Peers } from '../peers/index.ts';
import type { Settings } from '../settings.ts';
import { createDoctor, type Doctor } from './doctor.ts';

export type DoctorOfLm = {
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly note: Note;
  readonly identity: LmIdentity;
  /** As they are now. */
  readonly settings: () => Settings;
  readonly questions: () => Questions;
  /** The addresses of computers that rules name. */
  readonly addressesOf?: AddressesOf;
  readonly peers: Pick<Peers, 'all'>;
};

const ANY: ReadonlySet<string> = new Set(['0.0.0.0', '::']);

/** The interfaces of this computer with the lengths of their networks. */
export const ownNetworks = (): { name: string; cidr: string }[] =>
  Object.entries(networkInterfaces()).flatMap(([name, infos]) =>
    (infos ?? []).flatMap(({ cidr }) => (cidr === null ? [] : [{ name, cidr }])),
  );

/** The doctor of a license manager that runs: it asks from the own port (D19). */
export const doctorOfLm = ({ clock, entropy, note, identity, settings, questions, peers, addressesOf }: DoctorOfLm): Doctor =>
  createDoctor(
    () => {
      const { name, port, search, access } = settings();
      const bind = listenOn(settings());
      return {
        clock,
        entropy,
        note,
        identity,
        self: {
          kind: 'license manager',
          name,
          guid: identity.guid,
          port,
          remoteLicenses: access.remoteLicenses,
          remoteClients: admitsRemote(access.remoteClients),
          broadcast: search.broadcast,
          bound: bind.length > 0 && !bind.some((each) => ANY.has(each)),
        },
        questions: questions(),
        interfaces: () => reachable(discoveryInterfaces(networkInterfaces()), bind),
        networks: ownNetworks,
        resolve: systemResolve,
        known: () =>
          peers
            .all()
            .map(({ guid, hostname, address, state }) => ({ name: hostname, guid, address: address.host, linked: state === 'linked' })),
        deniedHere: (client) => clientDenial(parseClientRules(access.clients).rules, client, addressesOf)?.line,
      };
    },
    () => settings().search.addresses,
  );
