import { isBroadcast } from '@keyhaven/core/discovery';
import { type Evidence, HOSTS_AT_A_TIME, type HostEvidence, MAX_HOSTS } from '@keyhaven/core/doctor';
import { LicensingError, Status } from '@keyhaven/core/errors';
import type { PeerAddress } from '../peers/index.ts';
import { searchEverywhere } from './broadcasts.ts';
import { probeHost } from './probe-host.ts';
import type { DoctorSurroundings } from './surroundings.ts';

// The doctor (R10, decision 0017): gathers evidence of each path to each host. What it means says core/doctor.

export type Examination = {
  /** HOST or HOST:PORT, at most MAX_HOSTS. */
  readonly hosts: readonly string[];
  /** Whether the links of the interfaces are searched, too. */
  readonly broadcast: boolean;
};
export type Doctor = {
  /** Whom to examine when nobody is named: known license managers and search parameters. */
  targets(): readonly string[];
  /** @throws LicensingError 501 for what is no host or too many, TMOF while another examination goes on */
  examine(wanted: Examination): Promise<Evidence>;
};

const FORM = /^(?:\[([0-9a-fA-F:.]+(?:%[^\]\s]{1,64})?)\]|([^:[\]\s/]+))(?::(\d{1,5}))?$/;
/** An address of IPv6 without brackets. */
const BARE6 = /^[0-9a-fA-F:.]*:[0-9a-fA-F:.]*(?:%\S{1,64})?$/;

/** @throws LicensingError 501 */
export const parseHost = (text: string, defaultPort: number): PeerAddress => {
  const found = FORM.exec(text);
  const bare = (text.match(/:/g) ?? []).length > 1 && BARE6.test(text);
  const host = bare ? text : (found?.[1] ?? found?.[2]);
  const port = Number((bare ? undefined : found?.[3]) ?? defaultPort);
  if (host !== undefined && host.length <= 255 && port >= 1 && port <= 65_535) return { host, port };
  throw new LicensingError(Status.INVALID_PARAMETER, {
    detail: `${JSON.stringify(text.slice(0, 80))} is no host.`,
    remedy: 'Write it like keys.example.org, 192.0.2.7, 192.0.2.7:1947 or [2001:db8::7]:1947.',
  });
};

export const createDoctor = (surroundings: () => DoctorSurroundings, searchAddresses: () => readonly string[]): Doctor => {
  let examining = false;
  const examine = async ({ hosts, broadcast }: Examination): Promise<Evidence> => {
    const around = surroundings();
    const waiting = hosts.map((asked) => ({ asked, target: parseHost(asked, around.self.port) }));
    const broadcasts = broadcast ? await searchEverywhere(around) : [];
    const examined = new Map<string, HostEvidence>(); // BOUNDED by MAX_HOSTS
    const left = [...waiting];
    const worker = async (): Promise<void> => {
      for (let next = left.shift(); next !== undefined; next = left.shift())
        examined.set(next.asked, await probeHost(around, next.asked, next.target));
    };
    await Promise.all(Array.from({ length: Math.min(HOSTS_AT_A_TIME, waiting.length) }, worker));
    return {
      self: around.self,
      known: around.known(),
      broadcasts,
      hosts: waiting.flatMap(({ asked }) => examined.get(asked) ?? []),
    };
  };
  return {
    targets() {
      const known = surroundings().known();
      return [...new Set([...known.map(({ address }) => address), ...searchAddresses().filter((each) => !isBroadcast(each))])].slice(
        0,
        MAX_HOSTS,
      );
    },
    async examine(wanted) {
      if (wanted.hosts.length > MAX_HOSTS) {
        throw new LicensingError(Status.INVALID_PARAMETER, {
          detail: `${wanted.hosts.length} hosts are too many.`,
          remedy: `Name at most ${MAX_HOSTS} at a time.`,
        });
      }
      if (examining) {
        throw new LicensingError(Status.TMOF, {
          detail: 'Another examination of the network goes on.',
          remedy: 'Try again in some seconds.',
        });
      }
      examining = true;
      try {
        return await examine(wanted);
      } finally {
        examining = false;
      }
    },
  };
};
