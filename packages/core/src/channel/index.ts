export {
  type Answer,
  answerOpening,
  CHANNEL_VERSIONS,
  type Opening,
  openingFor,
  type PreparedAnswer,
  type Proven,
  prepareAnswer,
} from './handshake.ts';
export { type Channel, createChannel, RECORD_OVERHEAD } from './record.ts';
