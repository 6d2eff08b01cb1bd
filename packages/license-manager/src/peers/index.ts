export type { AnswerFile, FileAsker } from './answerer-files.ts';
export { createLinkAnswerer, type LinkAnswerer } from './link-answerer.ts';
export { noteConnection } from './note-connection.ts';
export type { Peer } from './peer.ts';
export { openPeers, type Peers } from './peers.ts';
export { createHttpPost, type HttpPost, type PeerAddress, PeerRefusal, type Post, refuseBar } from './post.ts';
export type { Probes } from './probed.ts';
export type { RemoteSession } from './remote-sessions.ts';
export { tellUnspoken } from './unspoken.ts';
