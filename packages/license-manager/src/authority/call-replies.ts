import { Writer } from '@keyhaven/core/bytes';
import type { Channel } from '@keyhaven/core/channel';
import type { StatusCode } from '@keyhaven/core/errors';
import { FULL_RECORD, writeReply } from '@keyhaven/core/session';

// The replies of one channel: those that are ready in one turn of the event loop go out in one sealed record.

export type CallReplies = {
  reply(id: number, status: StatusCode, body: Uint8Array): void;
  /** Some are not sent yet. */
  readonly pending: boolean;
  /** What is not sent yet, and all that comes, goes nowhere. */
  close(): void;
};

export const createCallReplies = (channel: Channel, send: (record: Uint8Array) => void): CallReplies => {
  let out: Writer | undefined;
  let closed = false;
  const flush = (): void => {
    const ready = out;
    out = undefined;
    if (ready === undefined || closed) return;
    send(channel.seal(ready.done()));
    // Behind the write that `send` queued: nobody waits for it.
    queueMicrotask(channel.prepare);
  };
  return {
    reply(id, status, body) {
      if (closed) return;
      if (out === undefined) {
        out = new Writer(1_024);
        queueMicrotask(flush);
      }
      writeReply(out, { id, status, body });
      if (out.length >= FULL_RECORD) flush();
    },
    get pending() {
      return out !== undefined;
    },
    close() {
      closed = true;
    },
  };
};
