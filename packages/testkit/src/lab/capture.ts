import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import type { Packet } from './frame.ts';
import { createLineQueue } from './line-queue.ts';
import { readPcap } from './pcap.ts';
import { findTool, runTool } from './tool.ts';

// Records what passes in a namespace, by tcpdump. Nothing is missed between the resolved start and the call of `stop`: the end is found
// by a marker datagram that `stop` sends over the namespace's loopback and waits to see, and frames that the kernel had to drop are
// an error. BOUNDED: 256 MiB, beyond which `stop` fails.

export type Capture = {
  /** Ends the recording and tells the packets in the order of their arrival. Calling it again gives the same. */
  stop(): Promise<readonly Packet[]>;
  /** Writes what was recorded as a pcap file, for people with other tools. Stops first. */
  save(file: string): Promise<void>;
  /** Ends the recording; what was recorded and not asked for is gone. */
  [Symbol.asyncDispose](): Promise<void>;
};

/** `switch`: every frame that a host put on a wire, once. `loopback`: every packet on the loopback interface. */
export type CaptureKind = 'switch' | 'loopback';

type Recording = { readonly bytes: Buffer; readonly copies: ReadonlySet<number> };

const MAX_BYTES = 256 * 1024 * 1024;
// A segment that the sender left to the card to cut has up to 65,535 bytes.
const MAX_FRAME = 65_600;
const RING_KIB = 32 * 1024;
const DISCARD_PORT = 9;
// The kernel hands frames over in blocks of 256 KiB, or a second later. Handing over and writing each frame alone loses some under
// load, so the marker is sent often and long enough to fill the block, and tcpdump's output buffer, that the last frames wait in.
const SEND_MARKER = `
const socket = require('node:dgram').createSocket('udp4');
const marker = Buffer.concat([Buffer.from(process.argv[1], 'hex'), Buffer.alloc(60_000)]);
let sent = 0;
const next = () => ++sent > 10 ? socket.close() : socket.send(marker, ${DISCARD_PORT}, '127.0.0.1', next);
next();`;

/** `repeating` names, at the end, the interfaces whose packets are copies of what came in by another. */
export const startCapture = async (
  namespace: string,
  kind: CaptureKind,
  repeating: () => Promise<ReadonlySet<number>> = async () => new Set(),
): Promise<Capture> => {
  // Only inbound: a frame that the switch passes on would otherwise be told once per port that it leaves by.
  const from = kind === 'switch' ? ['-i', 'any', '-y', 'LINUX_SLL2', '-Q', 'in'] : ['-i', 'lo'];
  const options = ['-n', '-s', String(MAX_FRAME), '-B', String(RING_KIB), '-w', '-'];
  const child = spawn(findTool('ip') ?? 'ip', ['netns', 'exec', namespace, findTool('tcpdump') ?? 'tcpdump', ...from, ...options], {
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const marker = randomBytes(24);
  const chunks: Buffer[] = [];
  let size = 0;
  let tail: Buffer = Buffer.alloc(0);
  const seen = Promise.withResolvers<boolean>();
  child.stdout.on('data', (chunk: Buffer) => {
    size += chunk.length;
    if (size > MAX_BYTES) return;
    chunks.push(chunk);
    const window = Buffer.concat([tail, chunk]);
    if (window.includes(marker)) seen.resolve(true);
    tail = window.subarray(-marker.length);
  });
  const closed = Promise.withResolvers<void>();
  const gone = (): void => {
    seen.resolve(false);
    closed.resolve();
  };
  child.once('error', gone).once('close', gone);
  const said = createLineQueue(child.stderr, () => `tcpdump in ${namespace}`);
  await said
    .next((line) => line.includes('listening on'), 10_000)
    .catch((error: unknown) => {
      child.kill('SIGKILL');
      throw error;
    });

  const finish = async (): Promise<Recording> => {
    const timer = setTimeout(() => seen.resolve(false), 5_000);
    try {
      await runTool('ip', ['netns', 'exec', namespace, process.execPath, '-e', SEND_MARKER, marker.toString('hex')]);
      await seen.promise;
    } finally {
      clearTimeout(timer);
      child.kill('SIGINT');
      await closed.promise;
    }
    const complete = await seen.promise;
    const copies = await repeating();
    const last: string[] = [];
    for await (const line of said.all()) last.push(line);
    if (size > MAX_BYTES) throw new Error(`the capture in ${namespace} is larger than ${MAX_BYTES} bytes`);
    const dropped = last.map((line) => /^(\d+) packets? dropped/.exec(line)?.[1]).some((count) => count !== undefined && count !== '0');
    if (dropped || !complete) throw new Error(`the capture in ${namespace} is not complete: ${last.join('; ')}`);
    return { bytes: Buffer.concat(chunks), copies };
  };
  let recording: Promise<Recording> | undefined;
  const stopped = (): Promise<Recording> => {
    recording ??= finish();
    return recording;
  };
  return {
    async stop() {
      const { bytes, copies } = await stopped();
      // ICMP may quote the marker back, so it is looked for in every payload.
      return readPcap(bytes).filter((packet) => !packet.payload.includes(marker) && !copies.has(packet.interfaceIndex));
    },
    async save(path) {
      await writeFile(path, (await stopped()).bytes);
    },
    async [Symbol.asyncDispose]() {
      // Who never asked for the packets, or was told already, need not hear that some are missing.
      if (recording === undefined) child.kill('SIGKILL');
      else await recording.catch(() => undefined);
      await closed.promise;
    },
  };
};
