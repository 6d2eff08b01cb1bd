import type { LinkEvidence, UdpEvidence } from '@keyhaven/core/doctor';
import { SECOND } from '@keyhaven/core/time';
import type { PeerAddress } from '../peers/index.ts';
import type { ProbeLink } from './link-probe.ts';
import type { DoctorSurroundings } from './surroundings.ts';

// UDP from and to the port of the license manager here.

export const UDP_MS = 1.2 * SECOND;
/** A datagram may be lost; three are not. */
export const AGAIN_MS = 400;
/** It is sent at once; a busy computer reads it late. */
const CALL_MS = 2 * SECOND;

/** What happens first: it, or the end of the time. */
const within = <T>({ clock }: DoctorSurroundings, ms: number, happening: Promise<T>): Promise<T | undefined> =>
  new Promise((resolve, reject) => {
    const cancel = clock.after(ms, () => resolve(undefined));
    happening.then((value) => {
      cancel();
      resolve(value);
    }, reject);
  });

/** Asks up to three times; with the cookie, for whoever asks the other side whether it heard. */
export const ask = async (
  around: DoctorSurroundings,
  { host, port }: PeerAddress,
): Promise<{ readonly cookie: number; readonly udp: UdpEvidence }> => {
  const { clock } = around;
  const begun = clock.mono();
  const { promise: answer, resolve: settle } = Promise.withResolvers<UdpEvidence>();
  const question = around.questions.open(({ address: from, guid }) =>
    settle({ kind: 'answered', from, guid, ms: Math.round(clock.mono() - begun) }),
  );
  const send = async (): Promise<void> => {
    const code = await question.ask(host, port);
    if (code !== undefined) settle({ kind: 'unsent', code });
  };
  void send();
  const timers = [1, 2].map((times) => clock.after(times * AGAIN_MS, () => void send()));
  const udp = await within(around, UDP_MS, answer);
  for (const cancel of timers) cancel();
  question.close();
  return { cookie: question.cookie, udp: udp ?? { kind: 'silent' } };
};

/** Whether a datagram that the other side sends by itself arrives. */
export const called = async (around: DoctorSurroundings, link: ProbeLink): Promise<Extract<LinkEvidence, { kind: 'linked' }>['call']> => {
  const { promise: arrival, resolve: arrive } = Promise.withResolvers<'arrived'>();
  const question = around.questions.open(() => arrive('arrived'));
  const asked = await link.ask('call', question.cookie);
  const arrived = asked.kind === 'told' && asked.yes ? await within(around, CALL_MS, arrival) : undefined;
  question.close();
  if (asked.kind !== 'told') return 'not tried';
  return asked.yes ? (arrived ?? 'lost') : 'not sent';
};
