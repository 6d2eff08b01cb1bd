import { readFileSync } from 'node:fs';
import { Reader, toBase64, Writer } from '@keyhaven/core/bytes';
import { answerOpening, type Channel } from '@keyhaven/core/channel';
import { privateKeyFrom, publicBytes, sha256 } from '@keyhaven/core/crypto';
import { Status } from '@keyhaven/core/errors';
import { keyIdOf } from '@keyhaven/core/key';
import { formatVendorCode, signDocument, writeCertificate } from '@keyhaven/core/license';
import { encodeGrant, readCalls, writeReply } from '@keyhaven/core/session';
import { decodeToApplication, FrameDecoder, type ToApplication, type ToLm } from '@keyhaven/core/wire';
import { systemEntropy } from '@keyhaven/vendor-tools';

// A license manager and a key that grant everything, made by somebody who has all of the protocol and not the vendor's private key.

export type Forger = { answer(message: ToLm): ToApplication[] };

export type ForgerOptions = {
  readonly vendor: number;
  /** The id that the key claims; its own unless given. */
  readonly key?: string;
  /** A recorded conversation: its certificate, which is the true vendor's, is shown in place of an own one. */
  readonly certificateFrom?: string;
};

const vendorKey = privateKeyFrom('ed25519', Buffer.alloc(32, 0x66));
const signingKey = privateKeyFrom('ed25519', Buffer.alloc(32, 0x67));
const FEATURES = [10, 11];

/** What an application of the forger's own would carry. */
export const forgedVendorCode = (vendor: number): string => formatVendorCode({ vendor, publicKey: publicBytes(vendorKey) });

const ownCertificate = (vendor: number, key: string): Uint8Array =>
  signDocument(
    'certificate',
    writeCertificate({
      format: 1,
      vendor,
      key,
      type: 'sl-adminmode',
      signingKey: toBase64(publicBytes(signingKey)),
      counter: 1,
      issued: '2026-01-01T00:00:00.000Z',
      products: [
        {
          id: 1,
          name: 'Everything',
          features: FEATURES.map((id) => ({
            id,
            name: `Feature ${id}`,
            license: { type: 'perpetual' },
            concurrency: { seats: 'unlimited', count: 'login', network: true, remoteDesktop: true, virtualMachine: true },
            detachable: false,
          })),
        },
      ],
      memory: { readWrite: 256, readOnly: 64 },
    }),
    vendorKey,
  );

const certificateIn = (file: string): Uint8Array => {
  const opened = new FrameDecoder()
    .push(readFileSync(file))
    .map(decodeToApplication)
    .find((each) => each.kind === 'opened');
  if (opened?.kind !== 'opened') throw new Error(`nothing was opened in ${file}`);
  const reader = new Reader(opened.answer);
  reader.bytes(1 + 32 + 32 + 32);
  return reader.block(1024 * 1024);
};

export const createForger = ({ vendor, key = keyIdOf(publicBytes(signingKey)), certificateFrom }: ForgerOptions): Forger => {
  const certificate = certificateFrom === undefined ? ownCertificate(vendor, key) : certificateIn(certificateFrom);
  const channels = new Map<number, Channel>();
  const licenseManager = { guid: 'f'.repeat(40), hostname: 'forger', address: '127.0.0.1', kind: 'admin' };

  const grantAll = (plain: Uint8Array): Buffer => {
    const out = new Writer(256);
    for (const { id, call } of readCalls(plain)) {
      if (call?.kind !== 'login') writeReply(out, { id, status: Status.OK, body: Buffer.alloc(call?.kind === 'read' ? call.length : 0) });
      else {
        const { product, feature, seats } = call;
        writeReply(out, {
          id,
          status: Status.OK,
          body: encodeGrant({ handle: id, session: Buffer.alloc(16, 1), token: Buffer.alloc(32), product, feature, seats }),
        });
      }
    }
    return out.done();
  };

  return {
    answer(message) {
      switch (message.kind) {
        case 'hello':
          return [{ kind: 'welcome', version: message.to, guid: licenseManager.guid, hostname: licenseManager.hostname, idleMs: 600_000 }];
        case 'find':
        case 'attempt':
          return [{ kind: 'found', request: message.request, status: 0, detail: '', candidates: [{ key, product: 1, licenseManager }] }];
        case 'open': {
          const { channel } = message;
          const opened = answerOpening(
            message.opening,
            { id: key, vendor, signingKey, certificate, digest: sha256(certificate) },
            systemEntropy,
          );
          channels.set(channel, opened.channel);
          return [{ kind: 'opened', channel, answer: opened.message }];
        }
        case 'record': {
          const channel = channels.get(message.channel);
          if (channel === undefined) return [];
          return [{ kind: 'record', channel: message.channel, record: channel.seal(grantAll(channel.open(message.record))) }];
        }
        case 'close':
        case 'update':
        case 'ask':
        case 'transfer':
          return [];
      }
    },
  };
};
