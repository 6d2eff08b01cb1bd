import { Buffer } from 'node:buffer';
import type { Entropy } from '@keyhaven/core/crypto';
import type { Entry } from '@keyhaven/core/discovery';
import type { Note } from '@keyhaven/core/network';
import type { Clock } from '@keyhaven/core/time';
import type { Keystore } from './keystore/index.ts';
import type { Lm, LmEvent } from './lm/index.ts';
import { type RunningDiscovery, startDiscovery } from './net/index.ts';
import { createStrays, noteDatagrams } from './network/index.ts';
import { createSearchNames } from './search-names.ts';
import { createAggressiveSearch, searchSettingsOf } from './search-settings.ts';
import type { Settings } from './settings.ts';

// How an Admin LM finds other license managers and is found (R1, R2): by datagrams and, where an administrator wants it, by TCP besides. What it
// finds goes to the peers of its LM; what changes there and here is told to the others.

export type AdminSearch = Pick<RunningDiscovery, 'questions' | 'probes' | 'scheduled'> & {
  /** What is listened on, for people. */
  readonly addresses: readonly string[];
  keyChanged(change: Entry): void;
  /** The state or the address of another LM has changed. */
  peersChanged(): void;
  follow(settings: Settings): void;
  /** Says goodbye. */
  stop(): Promise<void>;
};

/** A key whose features others may use, so that every search has to find this LM (D18). */
const servesOthers = (keystore: Keystore): boolean =>
  [...keystore.keys()].some(({ license }) =>
    [...(license?.pools.values() ?? [])].some(({ product, terms }) => product !== undefined && terms.network),
  );

export const startAdminSearch = async (options: {
  readonly lm: Lm;
  readonly keystore: Keystore;
  readonly settings: Settings;
  readonly bind: readonly string[];
  readonly boot: number;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly note: Note;
  readonly onEvent: (event: LmEvent) => void;
}): Promise<AdminSearch> => {
  const { lm, keystore, settings, bind, boot, clock, entropy, note, onEvent } = options;
  const { peers } = lm;
  const { port } = settings;
  const random = (): number => Buffer.from(entropy.bytes(6)).readUIntBE(0, 6) / 2 ** 48;
  const resolve = createSearchNames({
    ipv6: settings.ipv6,
    onTrouble: (name, trouble) => onEvent({ level: 'warn', event: 'a name of the search is of no use', name, trouble }),
  });
  const discovery = await startDiscovery({
    clock,
    guid: lm.guid,
    tcpPort: port,
    bootCount: boot,
    bind,
    udpPort: port,
    settings: searchSettingsOf(settings),
    resolve,
    entropy: random,
    onFound: ({ guid, address, port: at }) => peers.found(guid, { host: address, port: at }),
    onHeard({ guid, notification }) {
      if (notification.kind === 'stopping') peers.stopped(guid);
      else peers.changed(guid);
    },
    onClone(address) {
      // A copy listens where this one does (R5: a datagram is a hint).
      lm.suspectTwin({ host: address, port });
    },
    onTraffic: noteDatagrams(note, createStrays(clock, onEvent)),
    onProblem: (problem) => onEvent({ level: 'debug', event: 'discovery', ...problem }),
  });
  const aggressive = createAggressiveSearch({ clock, random, resolve, port, peers, onEvent });
  aggressive.follow(settings);

  const peersChanged = (): void => discovery.setPeers(peers.reachable(), lm.answerer.callers());
  discovery.serving(servesOthers(keystore));
  peersChanged();
  return {
    questions: discovery.questions,
    probes: discovery.probes,
    scheduled: () => discovery.scheduled(),
    addresses: discovery.addresses.map(({ address, port: at, family }) => (family === 6 ? `[${address}]:${at}` : `${address}:${at}`)),
    keyChanged(change) {
      discovery.serving(servesOthers(keystore));
      discovery.keysChanged([change]);
    },
    peersChanged,
    follow(current) {
      discovery.setSettings(searchSettingsOf(current));
      aggressive.follow(current);
    },
    async stop() {
      aggressive.close();
      await discovery.stop();
    },
  };
};
