import { Buffer } from 'node:buffer';
import { fromBase64, Writer } from '@keyhaven/core/bytes';
import { LicensingError, Status } from '@keyhaven/core/errors';
import {
  BLOCK,
  type BlockRow,
  blockRowKey,
  blocksOf,
  decideWrite,
  faultOfAccess,
  fileIn,
  type Piece,
  type Write,
  type WriteReply,
  writeRows,
} from '@keyhaven/core/memory';
import { type Key, licenseRow, putBytes } from '../keystore/index.ts';
import type { ServedKey } from './served-key.ts';
import type { AuthorityCore } from './types.ts';

// Calls on the memory of a key (K3). Contents in memory are what is durable: a write is put there when the ledger has it on the disk.

const NOTHING = Buffer.alloc(0);
/** What a device writes is not in the ledger: the memory goes where the device goes (K7). */
const atDevice = async (work: Promise<void>): Promise<void> => {
  try {
    await work;
  } catch (cause) {
    throw new LicensingError(Status.DEVICE_ERR, { detail: 'The key did not write its memory.', cause });
  }
};

export type KeyMemory = {
  read(file: number, offset: number, length: number): Buffer | Promise<Buffer>;
  write(
    session: string,
    call: { readonly file: number; readonly offset: number; readonly data: Uint8Array },
    piece: Piece,
  ): Promise<Buffer>;
  size(file: number): Buffer;
};

export const createKeyMemory = (
  authority: Pick<AuthorityCore, 'ledger' | 'changing' | 'shared' | 'refresh'>,
  served: ServedKey,
): KeyMemory => {
  const find = (key: Key, file: number, offset: number, length: number) => {
    const of = key.license === undefined ? undefined : fileIn(key.license.certificate.memory, file);
    const fault = faultOfAccess(of, offset, length);
    if (of === undefined || fault !== undefined) throw new LicensingError(fault?.status ?? 10, { detail: fault?.detail });
    return of;
  };
  /** As it is in the ledger: other processes write there, too. */
  const readShared = ({ identity: { id } }: Key, file: number, offset: number, length: number): Promise<Buffer> => {
    const blocks = blocksOf(offset, length).map((block) => ({ start: block * BLOCK, row: blockRowKey(id, file, block) }));
    return authority.ledger.update(
      blocks.map(({ row }) => row),
      (rows) => {
        const bytes = Buffer.alloc(length);
        for (const { start, row } of blocks) {
          const block = fromBase64(rows.get<BlockRow>(row)?.data ?? '') ?? NOTHING;
          block.subarray(Math.max(0, offset - start)).copy(bytes, Math.max(0, start - offset));
        }
        return { changes: [], audit: [], reply: bytes };
      },
    );
  };
  return {
    read(file, offset, length) {
      const key = served.now();
      find(key, file, offset, length);
      if (authority.shared && key.signer.kind === 'software') return readShared(key, file, offset, length);
      const contents = key.memory.get(file) ?? NOTHING;
      if (offset + length <= contents.length) return contents.subarray(offset, offset + length);
      const bytes = Buffer.alloc(length);
      contents.copy(bytes, 0, Math.min(offset, contents.length));
      return bytes;
    },
    async write(session, call, piece) {
      const data = Buffer.from(call.data); // A copy: the call is a view on what came.
      for (;;) {
        const key = served.now();
        const id = key.identity.id;
        for (let change = authority.changing(id); change !== undefined; change = authority.changing(id)) await change;
        const now = served.now();
        const of = find(now, call.file, call.offset, data.length);
        if (now.signer.kind === 'device') {
          if (of.access !== 'rw')
            throw new LicensingError(Status.ACCESS_DENIED, { detail: 'Of a key in hardware this memory is read only.' });
          await atDevice(now.signer.device.memory.write(call.file, call.offset, data));
          putBytes(now.memory, call.file, of.size, call.offset, data);
          return NOTHING;
        }
        const license = { row: licenseRow(id), counter: now.counter };
        const write: Write = { key: id, file: call.file, of, offset: call.offset, data, piece, session, license };
        const reply = await authority.ledger.update<WriteReply>(writeRows(write), (rows) => decideWrite(rows, write));
        if (reply.kind === 'stale') {
          await authority.refresh();
          continue;
        }
        if (reply.kind === 'refused') throw new LicensingError(reply.status, { detail: reply.detail });
        putBytes(served.now().memory, call.file, of.size, call.offset, data);
        return NOTHING;
      }
    },
    size(file) {
      return new Writer(4).u32(find(served.now(), file, 0, 0).size).done();
    },
  };
};
