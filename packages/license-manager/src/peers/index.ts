export { createLinkAnswerer, type LinkAnswerer } from './link-answerer.ts';
export type { Peer } from './peer.ts';
export { openPeers, type Peers } from './peers.ts';
export { createHttpPost, type HttpPost, type PeerAddress, PeerRefusal, type Post } from './post.ts';
