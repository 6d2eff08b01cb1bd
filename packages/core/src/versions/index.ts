export { type Conversation, chooseVersion, spanOf, type VersionRange } from './versions.ts';
