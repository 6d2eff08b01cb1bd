import { Buffer } from 'node:buffer';
import type { Endpoint, Packet, TcpPacket } from './frame.ts';

// Puts the payloads of captured TCP segments back in order, one stream per direction of a connection. Pure.
// Retransmitted bytes count once. Where bytes are missing the stream ends there and says `complete: false`.
// A second connection between the same endpoints (a new SYN with another number) is a stream of its own.

export type Stream = {
  readonly source: Endpoint;
  readonly destination: Endpoint;
  readonly bytes: Buffer;
  /** No gap before the last byte that was seen. It does not say that the connection was closed. */
  readonly complete: boolean;
};

type Flow = {
  readonly source: Endpoint;
  readonly destination: Endpoint;
  readonly origin: number | undefined;
  readonly segments: TcpPacket[];
};

/** The streams that carried a connection, in the order in which they first appear. */
export const streams = (packets: readonly Packet[]): readonly Stream[] => {
  const flows: Flow[] = [];
  const current = new Map<string, Flow>();
  for (const packet of packets) {
    if (packet.protocol !== 'tcp') continue;
    const key = `${packet.source.address} ${packet.source.port} ${packet.destination.address} ${packet.destination.port}`;
    const open = current.get(key);
    const begins = packet.syn && open?.origin !== packet.sequence;
    const flow =
      open === undefined || begins
        ? { source: packet.source, destination: packet.destination, origin: packet.syn ? packet.sequence : undefined, segments: [] }
        : open;
    if (flow !== open) {
      current.set(key, flow);
      flows.push(flow);
    }
    flow.segments.push(packet);
  }
  return flows.map(assemble);
};

const assemble = ({ source, destination, origin, segments }: Flow): Stream => {
  const first = segments[0]?.sequence ?? 0;
  // The signed difference keeps the order across the wrap at 2^32; the SYN itself takes one number.
  const placed = segments
    .map((segment) => ({ start: (segment.sequence - first) | 0, payload: segment.payload, syn: segment.syn }))
    .map(({ start, payload, syn }) => ({ start: syn ? start + 1 : start, payload }))
    .filter(({ payload }) => payload.length > 0)
    .sort((a, b) => a.start - b.start);
  const parts: Buffer[] = [];
  let next = origin === undefined ? (placed[0]?.start ?? 0) : 1;
  for (const { start, payload } of placed) {
    if (start > next) return { source, destination, bytes: Buffer.concat(parts), complete: false };
    const fresh = payload.subarray(next - start);
    parts.push(fresh);
    next += fresh.length;
  }
  return { source, destination, bytes: Buffer.concat(parts), complete: true };
};
