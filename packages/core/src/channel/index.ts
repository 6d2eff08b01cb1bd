export { type Answer, answerOpening, CHANNEL_VERSION, type Opening, openingFor, type Proven } from './handshake.ts';
export { type Channel, createChannel, RECORD_OVERHEAD } from './record.ts';
