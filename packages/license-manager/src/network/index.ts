export { noteDatagrams } from './datagrams.ts';
export { createJournal, type Journal } from './journal.ts';
export { nearNetworkPlan, networkPlan } from './plan.ts';
export { createStrays } from './strays.ts';
export { type Scheduled, upcomingOf } from './upcoming.ts';
export type { NetworkView } from './view.ts';
