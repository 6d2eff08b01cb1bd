import { Reader } from '@keyhaven/core/bytes';
import { decodeBlocks } from '@keyhaven/core/link';
import { type Message, PORT } from './network-run.ts';
import type { Site } from './site.ts';

// What tshark says of a capture with the dissector of tools/wireshark, and what the code says of the same bodies.

export const SEPARATOR = ';';
const DISSECTOR = new URL('../../tools/wireshark/keyhaven.lua', import.meta.url).pathname;
const shownFields = [
  'ip.src',
  'ipv6.src',
  'sll.ifindex',
  'tcp.srcport',
  'tcp.dstport',
  '_ws.malformed',
  '_ws.lua.error',
  ...[
    'malformed',
    'kind',
    'datagram',
    'guid',
    'tcp_port',
    'boot',
    'cookie',
    'sequence',
    'key',
    'message',
    'application',
    'request',
    'block',
    'exchange',
  ].map((name) => `keyhaven.${name}` as const),
] as const;
export type Field = (typeof shownFields)[number];
export type Row = Readonly<Record<Field, string>>;

/** What tshark says of each packet on the port. */
export const dissect = async (site: Site, file: string): Promise<Row[]> => {
  const only = ['-Y', `tcp.port == ${PORT} || udp.port == ${PORT}`, '-T', 'fields', '-E', 'separator=/t', '-E', `aggregator=${SEPARATOR}`];
  const wanted = shownFields.flatMap((field) => ['-e', field]);
  const { code, stdout, stderr } = await site
    .host('office')
    .run('tshark', ['-2', '-X', `lua_script:${DISSECTOR}`, '-r', file, ...only, ...wanted], { timeoutMs: 60_000 });
  if (code !== 0) throw new Error(`tshark: ${code} ${stderr}`);
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const values = line.split('\t');
      return Object.fromEntries(shownFields.map((field, index) => [field, values[index] ?? ''])) as Row;
    });
};
/** The sequence numbers of exchange and listen. */
export const sequences = (messages: readonly Message[]): string[] =>
  messages.flatMap(({ start, body }) =>
    /\/lm\/v1\/(exchange|listen) /.test(start) ? [Buffer.from(body, 'base64').readBigUInt64BE(4).toString()] : [],
  );
/** The kinds of the blocks in the bodies of exchange and listen, in their order. */
export const carried = (messages: readonly Message[]): string[] =>
  messages.flatMap(({ start, body }) => {
    if (!/\/lm\/v1\/(exchange|listen) /.test(start) || body === '') return [];
    const reader = new Reader(Buffer.from(body, 'base64'));
    reader.bytes(4 + 8 + 32);
    return decodeBlocks(reader.rest()).map(({ kind }) => kind);
  });
