import { Buffer } from 'node:buffer';
import { Writer } from '@keyhaven/core/bytes';
import { LicensingError } from '@keyhaven/core/errors';
import { decideWrite, faultOfAccess, fileIn, type Piece, type Write, type WriteReply, writeRows } from '@keyhaven/core/memory';
import { type Key, licenseRow, putBytes } from '../keystore/index.ts';
import type { AuthorityCore } from './authority.ts';

// Calls on the memory of a key (K3). Contents in memory are what is durable: a write is put there when the ledger has it on the disk.

const NOTHING = Buffer.alloc(0);

export type KeyMemory = {
  read(file: number, offset: number, length: number): Buffer;
  write(
    session: string,
    call: { readonly file: number; readonly offset: number; readonly data: Uint8Array },
    piece: Piece,
  ): Promise<Buffer>;
  size(file: number): Buffer;
};

/** @param keyNow the key as it is now; throws where it is not served. */
export const createKeyMemory = (authority: Pick<AuthorityCore, 'ledger' | 'changing'>, keyNow: () => Key): KeyMemory => {
  const find = (key: Key, file: number, offset: number, length: number) => {
    const of = key.license === undefined ? undefined : fileIn(key.license.certificate.memory, file);
    const fault = faultOfAccess(of, offset, length);
    if (of === undefined || fault !== undefined) throw new LicensingError(fault?.status ?? 10, { detail: fault?.detail });
    return of;
  };
  return {
    read(file, offset, length) {
      const key = keyNow();
      find(key, file, offset, length);
      const contents = key.memory.get(file) ?? NOTHING;
      if (offset + length <= contents.length) return contents.subarray(offset, offset + length);
      const bytes = Buffer.alloc(length);
      contents.copy(bytes, 0, Math.min(offset, contents.length));
      return bytes;
    },
    async write(session, call, piece) {
      const data = Buffer.from(call.data); // A copy: the call is a view on what came.
      for (;;) {
        const key = keyNow();
        const id = key.identity.id;
        for (let change = authority.changing(id); change !== undefined; change = authority.changing(id)) await change;
        const now = keyNow();
        const of = find(now, call.file, call.offset, data.length);
        const license = { row: licenseRow(id), counter: now.counter };
        const write: Write = { key: id, file: call.file, of, offset: call.offset, data, piece, session, license };
        const reply = await authority.ledger.update<WriteReply>(writeRows(write), (rows) => decideWrite(rows, write));
        if (reply.kind === 'stale') continue;
        if (reply.kind === 'refused') throw new LicensingError(reply.status, { detail: reply.detail });
        putBytes(keyNow().memory, call.file, of.size, call.offset, data);
        return NOTHING;
      }
    },
    size(file) {
      return new Writer(4).u32(find(keyNow(), file, 0, 0).size).done();
    },
  };
};
