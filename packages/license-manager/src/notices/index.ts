export { noticedLedger } from './noticed-ledger.ts';
export { type Counts, createNotices, type Notices, type Topic, topics } from './notices.ts';
