import { type Kind, kinds, type Traffic, type Words } from './kinds.ts';
import { betweenLms } from './traffic-lms.ts';
import { others } from './traffic-others.ts';

// Every kind of traffic that Keyhaven causes, once (R10). docs/network.md is written from this table, every event of the live view and every
// firewall rule names its kinds, and every packet of a capture is one of them (`kindOfDatagram`, `kindOfConnection`).

const words: Readonly<Record<Kind, Words>> = { ...betweenLms, ...others };

export const traffic: readonly Traffic[] = Object.freeze(kinds.map((kind) => Object.freeze({ kind, ...words[kind] })));

export const trafficOf = (kind: Kind): Traffic => ({ kind, ...words[kind] });
