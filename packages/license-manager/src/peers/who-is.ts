import { fromBase64, toBase64, WireError } from '@keyhaven/core/bytes';
import type { Entropy } from '@keyhaven/core/crypto';
import { callLink, type LmIdentity } from '@keyhaven/core/link';
import type { PeerAddress, Post } from './post.ts';

/**
 * The proven identity of whoever answers at an address of which nothing is known. The answer to a hello holds a signature over our nonce, so that
 * nobody can claim another's GUID; the link that the hello would begin is left, and the one that follows is made with a GUID to expect.
 * @throws LicensingError, PeerRefusal or WireError where nobody answers, nobody wants to, or nothing is proven.
 */
const whoIs = async (
  self: LmIdentity,
  hostname: string,
  address: PeerAddress,
  post: Post,
  entropy: Entropy,
): Promise<{ readonly guid: string; readonly hostname: string }> => {
  const calling = callLink(self, hostname, entropy);
  const answer = fromBase64(await post(address, '/lm/v1/hello', toBase64(calling.hello)));
  if (answer === undefined) throw new WireError('the answer is no base64');
  return calling.confirm(answer).keys.peer;
};

export type Looks = {
  /** The GUID of whoever else answers there; undefined where nobody does, or too many are being asked. Never rejects. */
  look(address: PeerAddress): Promise<string | undefined>;
};

/** Asks who is at addresses, each once at a time. */
export const createLooks = (options: {
  readonly self: LmIdentity;
  readonly hostname: string;
  readonly post: Post;
  readonly entropy: Entropy;
  /** BOUNDED: addresses asked at a time. */
  readonly most: number;
  readonly onFound: (guid: string, address: PeerAddress) => void;
  readonly onProblem: (address: PeerAddress, error: unknown) => void;
}): Looks => {
  const { self, hostname, post, entropy } = options;
  const looking = new Map<string, Promise<string | undefined>>(); // BOUNDED by `most`
  const ask = async (name: string, address: PeerAddress): Promise<string | undefined> => {
    try {
      const { guid } = await whoIs(self, hostname, address, post, entropy);
      if (guid === self.guid) return undefined;
      options.onFound(guid, address);
      return guid;
    } catch (error) {
      options.onProblem(address, error);
      return undefined;
    } finally {
      looking.delete(name);
    }
  };
  return {
    look(address) {
      const name = `${address.host} ${address.port}`;
      const underWay = looking.get(name);
      if (underWay !== undefined) return underWay;
      if (looking.size >= options.most) return Promise.resolve(undefined);
      const asked = ask(name, address);
      looking.set(name, asked);
      return asked;
    },
  };
};
