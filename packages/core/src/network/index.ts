// The network, explained (R10): every kind of traffic, what settings and interfaces make of it, and the firewall rules for it.

export type { NetworkEvent, Note, Noted, Upcoming } from './events.ts';
export { kindOfConnection, kindOfDatagram, kindOfReason, kindOfRequest, kindOfSystemPacket } from './kind-of.ts';
export { type Kind, kinds, type Layer, type Range, type Traffic } from './kinds.ts';
export { withTables } from './markdown.ts';
export { type NearNetwork, planOfNear } from './near-plan.ts';
export { nftables } from './nftables.ts';
export { type Flow, type Plan, planOf } from './plan.ts';
export { type Rule, rulesOf } from './rules.ts';
export type { InterfaceAddress, NetworkSettings, SearchEntry } from './settings.ts';
export { traffic, trafficOf } from './traffic.ts';
export { ufw } from './ufw.ts';
export { windows } from './windows.ts';
