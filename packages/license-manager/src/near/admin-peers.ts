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

/** Those of the answer of `GET /api/v1/peers` that can be used. Never throws. */
export const peersInAnswer = (text: string): readonly KnownPeer[] => {
  let answer: unknown;
  try {
    answer = JSON.parse(text);
  } catch {
    return [];
  }
  return Array.isArray(answer) ? answer.slice(0, MAX_PEERS).flatMap(peerOf) : [];
};

/** Empty where no Admin LM runs. Never rejects. */
export const adminPeers = ({ host, port }: PeerAddress): Promise<readonly KnownPeer[]> =>
  new Promise((resolve) => {
    const nobody = (): void => resolve([]);
    const asked = get({ host, port, path: '/api/v1/peers', agent: false, signal: AbortSignal.timeout(ANSWER_MS) }, (response) => {
      const chunks: Buffer[] = [];
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > MAX_BYTES) response.destroy(new Error('the answer is too long'));
        else chunks.push(chunk);
      });
      response.on('error', nobody);
      response.on('end', () => resolve(response.statusCode === 200 ? peersInAnswer(Buffer.concat(chunks).toString()) : []));
    });
    asked.on('error', nobody);
  });
