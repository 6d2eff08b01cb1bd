export { appendFrame, encodeFrame, type Frame, FrameDecoder, MAX_FRAME } from './frame.ts';
export {
  type ConnectionEvent,
  createListeningConnection,
  DEFAULT_IDLE_MS,
  type ListeningConnection,
  MAX_CHANNELS,
  MIN_IDLE_MS,
} from './listening-connection.ts';
export {
  ASK,
  type Ask,
  type Candidate,
  decodeToApplication,
  decodeToLm,
  encodeRecord,
  encodeToApplication,
  encodeToLm,
  type Find,
  type Found,
  type Hello,
  LOCAL_VERSIONS,
  MAX_CANDIDATES,
  MAX_UPDATE,
  type ToApplication,
  type ToLm,
  type Told,
  type Welcome,
} from './local.ts';
