import { LicensingError, Status } from '@keyhaven/core/errors';
import { type PeerAddress, PeerRefusal, type Post } from '@keyhaven/license-manager/peers';
import type { Random } from './random.ts';
import type { Life, Timeline } from './timeline.ts';

// The network between the computers of a world: requests and answers of HTTP that are slow, lost, repeated and cut off, in one
// direction or in both.

export type Weather = {
  /** Milliseconds of one way, from and to. */
  readonly delay: readonly [number, number];
  /** Of requests, and of answers. */
  readonly loss: number;
  /** Of requests that come twice. */
  readonly duplication: number;
};

export const CALM: Weather = { delay: [0.2, 2], loss: 0, duplication: 0 };

/** What serves POSTs at an address; undefined where nobody listens. */
export type Listener = { readonly life: Life; serve(path: string, body: string, from: string): Promise<string> };

export type Network = {
  weather: Weather;
  listen(host: string, listener: Listener): void;
  /** The way of one process at `host` to all others. */
  post(host: string, life: Life): Post;
  /** Nothing goes from one to the other any more; the other direction is another matter. */
  cut(from: string, to: string): void;
  mend(from: string, to: string): void;
  mendAll(): void;
  /** POSTs that arrived: by whom, at whom, and where. */
  readonly traffic: { readonly at: number; readonly from: string; readonly to: string; readonly path: string }[];
};

/** As the HTTP client of the license manager. */
const TIMEOUT_MS = 5_000;
const BACKBONE: Life = { alive: true };

export const createNetwork = (timeline: Timeline, random: Random): Network => {
  const listeners = new Map<string, Listener>();
  const cuts = new Set<string>();
  const network: Network = {
    weather: CALM,
    traffic: [],
    listen: (host, listener) => void listeners.set(host, listener),
    cut: (from, to) => void cuts.add(`${from} ${to}`),
    mend: (from, to) => void cuts.delete(`${from} ${to}`),
    mendAll: () => cuts.clear(),
    post:
      (from, life): Post =>
      ({ host: to }: PeerAddress, path, body) =>
        new Promise((resolve, reject) => {
          const { delay, loss, duplication } = network.weather;
          const oneWay = (): number => random.between(...delay);
          const passes = (a: string, b: string): boolean => !cuts.has(`${a} ${b}`) && !random.chance(loss);
          const error = (detail: string): LicensingError => new LicensingError(Status.REMOTE_COMM_ERR, { detail: `${to}: ${detail}` });
          let settled = false;
          const settle = (after: number, act: () => void): void => {
            timeline.after(after, life, () => {
              if (settled) return;
              settled = true;
              act();
            });
          };
          settle(TIMEOUT_MS, () => reject(error('no answer in time')));

          const deliver = (first: boolean): void => {
            const listener = listeners.get(to);
            if (listener === undefined || !listener.life.alive) {
              if (first && passes(to, from)) settle(oneWay(), () => reject(error('connection refused')));
              return;
            }
            network.traffic.push({ at: timeline.now, from, to, path });
            const answer = (act: () => void): void => {
              if (first && listener.life.alive && passes(to, from)) settle(oneWay(), act);
            };
            listener.serve(path, body, from).then(
              (text) => answer(() => resolve(text)),
              (cause: unknown) => answer(() => reject(cause instanceof PeerRefusal ? cause : error(String(cause)))),
            );
          };
          if (passes(from, to)) timeline.after(oneWay(), BACKBONE, () => deliver(true));
          if (random.chance(duplication) && passes(from, to)) timeline.after(oneWay() + oneWay(), BACKBONE, () => deliver(false));
        }),
  };
  return network;
};
