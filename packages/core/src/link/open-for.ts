import { type Reader, WireError, type Writer } from '../bytes/index.ts';

// A channel, with what the calling LM knows of the application (from version 5). The call inside of the channel says which process it comes from,
// and nobody but the application has seen that call; the LM of its computer can see who is connected. docs/protocol/link.md K35.

export type OpenFor = {
  readonly kind: 'open for';
  readonly channel: number;
  readonly key: string;
  readonly opening: Uint8Array;
  /** Names the process among those of its computer: equal for one process, different for two. Letters, digits and `.@?_-`, at least one. */
  readonly process: string;
  /** The application is on another computer than the calling LM, as far as that can see. */
  readonly forwarded: boolean;
};

export const codeOfOpenFor = { 'open for': 41 } as const;
/** BOUNDED: bytes of the name of a process. */
export const MAX_PROCESS = 80;
/** It becomes part of the names of rows. */
const NAME = /^[A-Za-z0-9.@?_-]+$/;

export const writeOpenFor = (out: Writer, { channel, key, opening, process, forwarded }: OpenFor): Writer =>
  out
    .u32(channel)
    .u64(BigInt(key))
    .block(opening)
    .text(process)
    .u8(forwarded ? 1 : 0);

export const readOpenFor = (reader: Reader): OpenFor => {
  const [channel, key, opening, process, flag] = [
    reader.u32(),
    reader.u64().toString(),
    reader.block(512),
    reader.text(MAX_PROCESS),
    reader.u8(),
  ];
  if (!NAME.test(process)) throw new WireError('a process without a name, or with one that is not plain');
  if (flag > 1) throw new WireError('neither forwarded nor not');
  return { kind: 'open for', channel, key, opening, process, forwarded: flag === 1 };
};
