export { captureAvailable, firewallAvailable, labAvailable, programAvailable } from './availability.ts';
export type { Capture } from './capture.ts';
export type { Endpoint, OtherPacket, Packet, TcpPacket, UdpPacket } from './frame.ts';
export type { Host, Interface } from './host.ts';
export { createLab, type Lab, type LabOptions } from './lab.ts';
export type { Exit, LabProcess, ProcessOptions, RunResult } from './lab-process.ts';
export { readPcap } from './pcap.ts';
export { type Stream, streams } from './streams.ts';
