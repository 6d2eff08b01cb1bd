import { request } from 'node:http';
import { dirname, join } from 'node:path';
import { WireError } from '@keyhaven/core/bytes';
import type { Entropy } from '@keyhaven/core/crypto';
import { LicensingError } from '@keyhaven/core/errors';
import { type LmIdentity, provenStation, proveStation, type StationProof } from '@keyhaven/core/link';
import { decodeWitnessReply, encodeWitnessRequest } from '../callers/index.ts';
import { openBinding, type ProcessIdentity, userStoreMarks } from '../machine/index.ts';
import type { PeerAddress } from '../peers/index.ts';

// On which computer this embedded LM runs, for licenses that count computers (K34, decision 0028). The Admin LM of the computer says it, for all
// users and vendors alike. Without one it is a key of the user, sealed to computer and user: his embedded LMs are one computer then, and another
// user's are another.

/** Who serves 1947 on this computer and does not reply costs a link so long, once. */
const REPLY_MS = 1_000;
/** BOUNDED: bytes of a reply. */
const MAX_REPLY = 1_024;

const post = ({ host, port }: PeerAddress, body: string): Promise<string | undefined> =>
  new Promise((resolve) => {
    const nothing = (): void => resolve(undefined);
    const options = { host, port, path: '/lm/v1/station', method: 'POST', agent: false, signal: AbortSignal.timeout(REPLY_MS) };
    const sent = request({ ...options, headers: { 'content-type': 'text/plain', 'content-length': body.length } }, (response) => {
      let text = '';
      response.setEncoding('latin1');
      response.on('data', (chunk: string) => {
        text += chunk;
        if (text.length > MAX_REPLY) response.destroy(new Error('the reply is too long'));
      });
      response.on('error', nothing);
      response.on('end', () => resolve(response.statusCode === 200 ? text : undefined));
    });
    sent.on('error', nothing);
    sent.end(body);
  });

const fromAdmin = async (address: PeerAddress, transcript: Uint8Array, process: ProcessIdentity): Promise<StationProof | undefined> => {
  const reply = await post(address, encodeWitnessRequest(transcript, process));
  if (reply === undefined) return undefined;
  try {
    const proof = decodeWitnessReply(reply);
    // What does not prove anything would cost the link.
    provenStation(proof, transcript);
    return proof;
  } catch (error) {
    if (error instanceof WireError) return undefined;
    throw error;
  }
};

export type StationOptions = {
  /** The store of the user and one vendor; the key of the user is beside it. */
  readonly directory: string;
  /** What the key is sealed to; read from the computer where absent. */
  readonly marks: readonly string[] | undefined;
  readonly entropy: Entropy;
  readonly process: ProcessIdentity;
  readonly adminAddress: PeerAddress | undefined;
  /** There is no key of the user; called once. */
  readonly onProblem: (error: LicensingError) => void;
};

/** @returns what proves the computer on a link with the transcript; undefined where nothing does. Never rejects. */
export const createNearStation = (options: StationOptions): ((transcript: Uint8Array) => Promise<StationProof | undefined>) => {
  const { process, adminAddress } = options;
  const directory = join(dirname(options.directory), 'station');
  const open = async (): Promise<LmIdentity | undefined> => {
    try {
      return (await openBinding(directory, options.entropy, options.marks ?? (await userStoreMarks(directory)))).identity;
    } catch (error) {
      if (!(error instanceof LicensingError)) throw error;
      options.onProblem(error);
      return undefined;
    }
  };
  let own: Promise<LmIdentity | undefined> | undefined;
  return async (transcript) => {
    const witnessed = adminAddress === undefined ? undefined : await fromAdmin(adminAddress, transcript, process);
    if (witnessed !== undefined) return witnessed;
    own ??= open();
    const identity = await own.catch(() => undefined);
    return identity && proveStation(identity, transcript);
  };
};
