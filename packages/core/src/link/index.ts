export { appendBlock, type Block, decodeBlocks, encodeBlocks, MAX_PADDING, MAX_REMOVED, type Probing, sinceVersion } from './blocks.ts';
export { decodeBody, encodeBody, type LinkBody, linkOf, MAX_BODY } from './body.ts';
export { type CatalogChanges, type CatalogLog, createCatalogLog } from './catalog-log.ts';
export { FILE_PART, type FileAnswer, type FileQuestion, fileParts, MAX_QUESTION } from './file-blocks.ts';
export { type Answering, answerLink, type Calling, callLink, LINK_VERSIONS, type LinkKeys } from './handshake.ts';
export { guidOf, type LmIdentity, lmIdentityFrom } from './identity.ts';
export { MAX_ASKED_SESSIONS, type SessionFacts } from './session-blocks.ts';
