import { fromBase64, Reader, toBase64, WireError, Writer } from '@keyhaven/core/bytes';
import { type LmIdentity, proveStation, type StationProof, TRANSCRIPT_BYTES } from '@keyhaven/core/link';
import type { Clock } from '@keyhaven/core/time';
import { PeerRefusal } from '../peers/post.ts';
import { ownerInTime } from './callers.ts';
import type { Claim, Ends, FindOwner } from './types.ts';

// The Admin LM says for the embedded LMs of its computer on which computer they run (docs/protocol/link.md K34): it signs the transcript of
// a link that one of them is making. It does so for processes that run here, as far as the system shows that.

/** Signs for the process at the other end of this connection. @throws PeerRefusal 400 for another form, 403 where the process is not the one it names */
export type Witness = (body: string, ends: Ends) => Promise<string>;

/** What an embedded LM sends to the Admin LM of its computer. */
export const encodeWitnessRequest = (transcript: Uint8Array, { pid, start }: Claim): string =>
  toBase64(new Writer(44).bytes(transcript).u32(pid).u53(start).done());
/** @throws WireError */
export const decodeWitnessReply = (body: string): StationProof => {
  const reader = new Reader(fromBase64(body.trim()) ?? new Uint8Array());
  const proof = { publicKey: reader.bytes(32), signature: reader.bytes(64) };
  reader.end();
  return proof;
};

const requestIn = (body: string): { readonly transcript: Uint8Array; readonly claim: Claim } => {
  try {
    const reader = new Reader(fromBase64(body) ?? new Uint8Array());
    const [transcript, pid, start] = [reader.bytes(TRANSCRIPT_BYTES), reader.u32(), reader.u53()];
    reader.end();
    return { transcript, claim: { pid, start } };
  } catch (error) {
    if (error instanceof WireError) throw new PeerRefusal(400, error.message);
    throw error;
  }
};

export const createWitness =
  (self: LmIdentity, find: FindOwner, clock: Clock): Witness =>
  async (body, ends) => {
    const { transcript, claim } = requestIn(body);
    if ((await ownerInTime(find, clock, ends, claim)).kind === 'other')
      throw new PeerRefusal(
        403,
        `process ${claim.pid} is not at the other end of this connection: this computer is proven to its own processes only`,
      );
    const { publicKey, signature } = proveStation(self, transcript);
    return toBase64(new Writer(96).bytes(publicKey).bytes(signature).done());
  };
