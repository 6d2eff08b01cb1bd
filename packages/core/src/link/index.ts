export { appendBlock, type Block, decodeBlocks, encodeBlocks } from './blocks.ts';
export { decodeBody, encodeBody, type LinkBody, linkOf, MAX_BODY } from './body.ts';
export { type Answering, answerLink, type Calling, callLink, LINK_VERSION, type LinkKeys } from './handshake.ts';
export { guidOf, type LmIdentity, lmIdentityFrom } from './identity.ts';
