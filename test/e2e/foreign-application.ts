import { spawn } from 'node:child_process';
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createPublicKey,
  diffieHellman,
  generateKeyPairSync,
  hkdfSync,
  type KeyObject,
  randomBytes,
  verify,
} from 'node:crypto';
import { once } from 'node:events';
import type { Readable } from 'node:stream';

// An application that has none of our code: it speaks to an External LM in bytes that it makes itself, after docs/protocol and nothing else.
// What it does could be written in any language that starts a process, and has Ed25519, X25519, HKDF and AES-GCM.
//   node test/e2e/foreign-application.ts EXTERNAL_LM VENDOR_CODE FEATURE TEXT
// It logs in, encrypts the text, decrypts what came out, logs out, and says in one line of JSON what it saw.

const [file = '', vendorCode = '', feature = '', text = ''] = process.argv.slice(2);

const u16 = (value: number): Buffer => Buffer.from([value >> 8, value & 255]);
const u32 = (value: number): Buffer => Buffer.from([value >>> 24, (value >> 16) & 255, (value >> 8) & 255, value & 255]);
const u64 = (value: bigint): Buffer => Buffer.concat([u32(Number(value >> 32n)), u32(Number(value & 0xffffffffn))]);
const words = (value: string): Buffer => Buffer.concat([u16(Buffer.byteLength(value)), Buffer.from(value)]);
const block = (value: Buffer): Buffer => Buffer.concat([u32(value.length), value]);
const sha256 = (...parts: readonly Buffer[]): Buffer => createHash('sha256').update(Buffer.concat(parts)).digest();
const ed25519 = (raw: Buffer): KeyObject =>
  createPublicKey({ key: Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), raw]), format: 'der', type: 'spki' });
const fail = (what: string): never => {
  throw new Error(what);
};

// F70: mark, version, vendor id, public key, check value.
const code = Buffer.from(vendorCode, 'base64url');
const vendor = code.readUInt32BE(3);
const vendorKey = code.subarray(7, 39);

const lm = spawn(file, ['--vendor', String(vendor)], { stdio: ['pipe', 'pipe', 'inherit'] });
const exited = once(lm, 'exit');

/** M1: length of type and body, type, body. */
const say = (type: number, ...body: readonly Buffer[]): void => {
  const rest = Buffer.concat([Buffer.from([type]), ...body]);
  lm.stdin.write(Buffer.concat([u32(rest.length), rest]));
};
async function* framesOf(stream: Readable): AsyncGenerator<{ readonly type: number; readonly body: Buffer }> {
  let kept = Buffer.alloc(0);
  for await (const chunk of stream as AsyncIterable<Buffer>) {
    kept = Buffer.concat([kept, chunk]);
    while (kept.length >= 4 && kept.length >= 4 + kept.readUInt32BE(0)) {
      const end = 4 + kept.readUInt32BE(0);
      yield { type: kept[4] ?? 0, body: kept.subarray(5, end) };
      kept = kept.subarray(end);
    }
  }
}
const frames = framesOf(lm.stdout);
const hear = async (type: number): Promise<Buffer> => {
  const { value, done } = await frames.next();
  if (done === true) return fail('the license manager went away');
  if (value.type !== type) fail(`a frame of type ${value.type} instead of ${type}: ${value.body.toString('latin1')}`);
  return value.body;
};

// W12 to W15.
const started =
  process.platform === 'linux' ? Number((await import('node:fs')).readFileSync('/proc/self/stat', 'latin1').split(' ')[21]) : 0;
const self = Buffer.concat([u32(process.pid), u64(BigInt(started)), words('foreigner'), words('abroad'), words('foreign')]);
say(1, Buffer.from('4b480101', 'hex'), self);
say(3, u32(1), u32(vendor), vendorKey, u32(Number(feature)), words(''));
const welcome = await hear(2);
const found = await hear(4);
if (found.readUInt16BE(4) !== 0) fail(`find: ${found.readUInt16BE(4)} ${found.subarray(8).toString()}`);
let at = 6 + 2 + found.readUInt16BE(6) + 2;
const key = found.readBigUInt64BE(at);
const product = found.readUInt32BE(at + 8);
at += 12;
const guid = found.subarray(at + 2, at + 2 + found.readUInt16BE(at)).toString();

// C2 to C6.
const share = generateKeyPairSync('x25519');
const rawShare = share.publicKey.export({ type: 'spki', format: 'der' }).subarray(-32);
const opening = Buffer.concat([Buffer.from([1, 1]), u32(vendor), u64(key), randomBytes(32), rawShare, Buffer.alloc(32)]);
say(5, u32(7), u64(key), words(guid), block(opening));
const opened = await hear(6);
const answer = opened.subarray(8, 8 + opened.readUInt32BE(4));
const unsigned = answer.subarray(0, -64);
const certificate = answer.subarray(101, 101 + answer.readUInt32BE(97));
// F1 to F3: the vendor of the vendor code has signed what the key may do; C4: the key named there has signed this answer.
const payload = certificate.subarray(101);
const document = [Buffer.from('keyhaven signed document 1\0'), Buffer.from([1]), vendorKey, u64(BigInt(payload.length)), payload];
if (!certificate.subarray(5, 37).equals(vendorKey)) fail('somebody else signed the certificate');
if (!verify(null, Buffer.concat(document), ed25519(vendorKey), certificate.subarray(37, 101))) fail('the certificate is forged');
if (!sha256(certificate).equals(answer.subarray(65, 97))) fail('another certificate');
const terms = JSON.parse(payload.toString()) as { readonly key: string; readonly signingKey: string };
if (terms.key !== key.toString()) fail('the certificate of another key');
const transcript = sha256(u32(opening.length), opening, u32(unsigned.length), unsigned);
const signed = Buffer.concat([Buffer.from('keyhaven channel 1 answer\0'), transcript]);
if (!verify(null, signed, ed25519(Buffer.from(terms.signingKey, 'base64url')), answer.subarray(-64))) fail('the answer is forged');
const theirs = createPublicKey({
  key: Buffer.concat([Buffer.from('302a300506032b656e032100', 'hex'), answer.subarray(33, 65)]),
  format: 'der',
  type: 'spki',
});
const secret = diffieHellman({ privateKey: share.privateKey, publicKey: theirs });
const material = Buffer.from(hkdfSync('sha256', secret, transcript, 'keyhaven channel 1 keys', 88));

// C7: each direction with its key, its mask and its counter.
const nonce = (mask: Buffer, counter: number): Buffer => {
  const bytes = Buffer.from(mask);
  bytes.writeBigUInt64BE(bytes.readBigUInt64BE(4) ^ BigInt(counter), 4);
  return bytes;
};
let counter = 0;
const exchange = async (kind: number, ...fields: readonly Buffer[]): Promise<Buffer> => {
  const place = u64(BigInt(counter));
  const bound = Buffer.concat([transcript.subarray(0, 8), place]);
  const call = Buffer.concat([Buffer.from([kind]), u32(counter), ...fields]);
  const sealing = createCipheriv('aes-256-gcm', material.subarray(0, 32), nonce(material.subarray(32, 44), counter)).setAAD(bound);
  const sealed = Buffer.concat([sealing.update(block(call)), sealing.final(), sealing.getAuthTag()]);
  say(7, u32(7), place, sealed);
  const record = (await hear(7)).subarray(4);
  const open = createDecipheriv('aes-256-gcm', material.subarray(44, 76), nonce(material.subarray(76, 88), counter)).setAAD(bound);
  open.setAuthTag(record.subarray(-16));
  const reply = Buffer.concat([open.update(record.subarray(8, -16)), open.final()]);
  counter += 1;
  // G4: length, number, status, body.
  if (reply.readUInt16BE(8) !== 0) fail(`status ${reply.readUInt16BE(8)}: ${reply.subarray(10).toString()}`);
  return reply.subarray(10);
};

// G10, G15, G16, G12.
const grant = await exchange(1, randomBytes(16), u32(product), u32(Number(feature)), u16(1), u32(0), Buffer.from([0]), self);
const handle = grant.subarray(0, 4);
const encrypted = await exchange(6, handle, Buffer.from(text));
const decrypted = await exchange(7, handle, encrypted);
await exchange(3, handle);
lm.stdin.end();
const [status] = (await exited) as [number | null];
const saw = { version: welcome[0], key: key.toString(), session: grant.subarray(4, 20).toString('hex'), status };
console.log(JSON.stringify({ ...saw, encrypted: encrypted.length, text: decrypted.toString() }));
