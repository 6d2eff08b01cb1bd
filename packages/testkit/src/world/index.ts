export type { Application } from './application.ts';
export type { Computer } from './computer.ts';
export { createHeap } from './heap.ts';
export { type NearReport, simulateNear } from './near-simulation.ts';
export { CALM, type Network, type Weather } from './network.ts';
export { createRandom, type Random } from './random.ts';
export { type Report, type SimulationOptions, simulate } from './simulation.ts';
export { createTimeline, drain, type Life, type Timeline } from './timeline.ts';
export { createWorld, makeVendor, type World, type WorldOptions } from './world.ts';
