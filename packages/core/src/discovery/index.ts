// Finding other license managers (R1 to R6): datagrams, and the machine that sends and judges them. docs/protocol/discovery.md.

export { directedBroadcast, familyOf, type Interface, isBroadcast, isLoopback, withoutZone, zoneOf } from './address.ts';
export type { Source } from './answers.ts';
export { createBoundedTable } from './bounded.ts';
export {
  type Answer,
  type Ask,
  type Datagram,
  decodeDatagram,
  type Entry,
  encodeDatagram,
  type Notification,
} from './datagram.ts';
export { guidText, parseGuid } from './guid.ts';
export type { Clone, Found, Heard, Output, Probed, Reason, Send, Verdict } from './output.ts';
export { createBucket, createLimiter } from './rate.ts';
export { createSchedule } from './schedule.ts';
export { createDiscovery, type Discovery, type DiscoveryOptions } from './search.ts';
export { defaultSettings, type Random, SEARCH_FLOOR, type Settings, searchPause } from './settings.ts';
