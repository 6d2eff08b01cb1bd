import { fromBase64, toBase64, WireError } from '@keyhaven/core/bytes';
import type { HelloEvidence, TcpEvidence } from '@keyhaven/core/doctor';
import { callLink, type LinkKeys, type LmIdentity } from '@keyhaven/core/link';
import { SECOND } from '@keyhaven/core/time';
import type { PeerAddress } from '../peers/index.ts';
import { type Posted, postOnce, type Reply } from './post-once.ts';
import type { DoctorSurroundings } from './surroundings.ts';

// Who answers on a TCP port: a license manager that proves its identity (K2, K3), one that does not want to speak, or something else.

export type Greeted = {
  readonly tcp: TcpEvidence;
  readonly hello?: HelloEvidence;
  /** Where a license manager answered: what confirms the link. */
  readonly pending?: { readonly confirmation: Uint8Array; readonly keys: LinkKeys };
};

type Around = Pick<DoctorSurroundings, 'clock' | 'entropy' | 'note' | 'self'>;

/** An address that nobody has is known after three seconds. */
const CONNECT_MS = 4 * SECOND;
const ANSWER_MS = 2 * SECOND;

/** The words of a stranger: one line without control characters. */
export const plainWords = (text: string): string =>
  text
    .replaceAll(/\p{Cc}+/gu, ' ')
    .trim()
    .slice(0, 500);
const tcpOf = ({ connectedMs, ...posted }: Posted): TcpEvidence => {
  if (connectedMs !== undefined) return { kind: 'connected', ms: connectedMs };
  return posted.kind === 'failed' ? { kind: 'failed', code: posted.code, ms: posted.ms } : { kind: 'silent' };
};
const isText = ({ type, text }: Reply): boolean => type.startsWith('text/plain') && !text.trimStart().startsWith('<');
const signOf = ({ code, server }: Reply): string => plainWords(`HTTP ${code}${server === '' ? '' : ` of ${server}`}`);

const refusalOf = (reply: Reply): HelloEvidence => {
  const said = plainWords(reply.text);
  if (!isText(reply)) return { kind: 'other program', sign: signOf(reply) };
  // A number before the words is a status for applications (K16).
  if (reply.code === 403) return { kind: 'denied', said: said.replace(/^\d{1,3} /, '') };
  if (reply.code === 503) return { kind: 'busy', said };
  const version = /^(?:11|42) (.+)$/.exec(said)?.[1];
  return reply.code === 400 && version !== undefined ? { kind: 'version', said: version } : { kind: 'other program', sign: signOf(reply) };
};

const withoutReply = (posted: Exclude<Posted, { kind: 'reply' }>): HelloEvidence => {
  if (posted.kind === 'silent') return { kind: 'mute' };
  if (posted.code.startsWith('HPE_')) return { kind: 'other program', sign: 'it does not speak HTTP' };
  return { kind: 'closed' };
};

export const greet = async (around: Around, identity: LmIdentity, address: PeerAddress): Promise<Greeted> => {
  const { self, entropy, clock } = around;
  const calling = callLink(identity, self.name, entropy);
  const posted = await postOnce(around, address, '/lm/v1/hello', toBase64(calling.hello), { connectMs: CONNECT_MS, answerMs: ANSWER_MS });
  const tcp = tcpOf(posted);
  if (tcp.kind !== 'connected') return { tcp };
  if (posted.kind !== 'reply') return { tcp, hello: withoutReply(posted) };
  const { reply } = posted;
  if (reply.code !== 200) return { tcp, hello: refusalOf(reply) };
  try {
    const pending = calling.confirm(fromBase64(reply.text) ?? new Uint8Array());
    const { guid, hostname: name } = pending.keys.peer;
    const at = reply.date === undefined ? Number.NaN : Date.parse(reply.date);
    const ahead = Number.isNaN(at) ? {} : { aheadSeconds: Math.round((at - clock.wall()) / SECOND) };
    return { tcp, hello: { kind: 'license manager', guid, name: plainWords(name), ...ahead }, pending };
  } catch (error) {
    if (!(error instanceof WireError)) throw error;
    return { tcp, hello: { kind: 'other program', sign: `${signOf(reply)}, without proof of an identity` } };
  }
};
