export { type History, type OpenSession, openHistory, type UsageQuery } from './history.ts';
