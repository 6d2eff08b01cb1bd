import { get } from 'node:http';
import type { PeerAddress } from '../peers/index.ts';

// The license managers that the Admin LM of this computer has found: whoever has one need not configure a search a second time (R2). What it
// says is a hint like a datagram; identities are proven on TCP.

/** BOUNDED: license managers taken from an answer, and its bytes. */
const MAX_PEERS = 1_024;
const MAX_BYTES = 4 * 1024 * 1024;
/** On this computer, so whoever is there answers much sooner. */
const ANSWER_MS = 2_000;

/** Where the Admin LM of this computer would be (L3); KEYHAVEN_LOCAL_LM moves it, for tests, to another loopback address. */
export const adminAddressFrom = (env: Readonly<Record<string, string | undefined>>): PeerAddress => {
  const [, host, port] = /^(127(?:\.\d{1,3}){3}|localhost):(\d{1,5})$/.exec(env['KEYHAVEN_LOCAL_LM'] ?? '') ?? [];
  return host === undefined ? { host: '127.0.0.1', port: 1947 } : { host: host === 'localhost' ? '127.0.0.1' : host, port: Number(port) };
};

export type KnownPeer = { readonly guid: string; readonly address: PeerAddress };

const peerOf = (entry: unknown): KnownPeer[] => {
  if (typeof entry !== 'object' || entry === null || !('guid' in entry) || !('address' in entry) || !('state' in entry)) return [];
  const { guid, address, state } = entry;
  // Without keys there is nothing to log in to; a key that comes there later is told at the next round.
  if (state !== 'linked' || ('keys' in entry && entry.keys === 0) || typeof guid !== 'string' || typeof address !== 'string') return [];
  const [, host, port] = /^(.{1,255}):(\d{1,5})$/.exec(address) ?? [];
  if (!/^[\w-]{40}$/.test(guid) || host === undefined || !(Number(port) >= 1 && Number(port) <= 65_535)) return [];
  return [{ guid, address: { host, port: Number(port) } }];
};

/** Those of the answer that can be used. Never throws. */
export const peersInAnswer = (text: string): readonly KnownPeer[] => {
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    return [];
  }
  return Array.isArray(answer) ? answer.slice(0, MAX_PEERS).flatMap(peerOf) : [];
};

type Answer = { readonly code: number; readonly text: string };

/** undefined where nobody answers in time. Never rejects. */
const ask = ({ host, port }: PeerAddress, path: string): Promise<Answer | undefined> =>
  new Promise((resolve) => {
    const nobody = (): void => resolve(undefined);
    const asked = get({ host, port, path, agent: false, signal: AbortSignal.timeout(ANSWER_MS) }, (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > MAX_BYTES) response.destroy(new Error('the answer is too long'));
        else chunks.push(chunk);
      });
      response.on('error', nobody);
      response.on('end', () => resolve({ code: response.statusCode ?? 0, text: Buffer.concat(chunks).toString() }));
    });
    asked.on('error', nobody);
  });

/** A refusal is told and not silently taken for nobody: the list of servers would be lost without a word. */
class AdminRefusal extends Error {
  override readonly name = 'AdminRefusal';
}
const remedy = 'Upgrade the Admin LM of this computer, or name the license managers with keys as serveraddr in the settings of this one';

/**
 * Empty where no Admin LM runs, or what answers is none. An Admin LM of an older version tells it at its admin API only.
 * @throws AdminRefusal where that has a password or a port of its own
 */
export const adminPeers = async (address: PeerAddress): Promise<readonly KnownPeer[]> => {
  const known = await ask(address, '/lm/v1/known');
  if (known?.code === 200) return peersInAnswer(known.text);
  if (known === undefined || known.code !== 404) return [];
  const listed = await ask(address, '/api/v1/peers');
  if (listed?.code === 200) return peersInAnswer(listed.text);
  const why = { 401: 'it asks for the password of its administrator', 404: 'its administration has a port of its own' }[listed?.code ?? 0];
  if (why === undefined) return [];
  throw new AdminRefusal(
    `The Admin LM of this computer does not tell which license managers it knows: ${why}, and its version does not tell it otherwise. ${remedy}.`,
  );
};
