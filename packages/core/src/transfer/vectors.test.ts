import { Buffer } from 'node:buffer';
import { describe, expect, it } from 'vitest';
import { vectorFile } from '../bytes/vector-file.testing.ts';
import { LicensingError, Status } from '../errors/index.ts';
import { openDocument, openStanding } from '../license/index.ts';
import { openLending, openMoving, openRecipient, openReturning, recipientKeyFrom } from './index.ts';
import { makeTransferVectors } from './vectors.testing.ts';

// vectors/transfer.json. UPDATE_VECTORS=1 writes it anew; without it the file is what counts.

const { recorded, made } = vectorFile('transfer', makeTransferVectors);
const bytesOf = (text: string): Buffer => Buffer.from(text, 'hex');
const vendorKey = bytesOf(recorded.vendor.publicKey);
const keys = recorded.keys.map(({ signingSeed, exchangeSeed }) =>
  recipientKeyFrom('sl-adminmode', bytesOf(signingSeed), bytesOf(exchangeSeed)),
);
const [owner, boat, island, office] = keys as [(typeof keys)[0], (typeof keys)[0], (typeof keys)[0], (typeof keys)[0]];

type Document = (typeof recorded.documents)[number];
/** Opens it as its receiver does, with everything inside. */
const open = ({ kind, name }: Document, document: Uint8Array): unknown => {
  switch (kind) {
    case 'ID':
      return openRecipient(document);
    case 'H2R':
      return openLending(document, name.includes('island') ? island : boat);
    case 'R2H':
      return openReturning(document, boat);
    case 'H2H':
      return openMoving(document, office);
  }
};
const refusal = (act: () => unknown): number => {
  try {
    act();
    return 0;
  } catch (error) {
    if (error instanceof LicensingError) return error.status;
    throw error;
  }
};
const REFUSED: readonly number[] = [
  Status.INV_SIG,
  Status.INV_UPDATE_OBJ,
  Status.INV_RECIPIENT,
  Status.UNKNOWN_RECIPIENT,
  Status.KEYID_NOT_FOUND,
];
/** One of each kind, whole; of the others one bit of each byte. SLOW=1 takes all. */
const WHOLE = new Set([
  'identity of the boat',
  'one of them for the island alone',
  'the island gives back',
  'the whole key for the new office',
]);
/** The changes that are not refused. */
const acceptedChanges = (name: string, bytes: Buffer, act: (changed: Uint8Array) => unknown): string[] => {
  const accepted: string[] = [];
  const whole = WHOLE.has(name) || process.env['SLOW'] !== undefined;
  for (let length = 0; length < bytes.length; length += 1) {
    if (!REFUSED.includes(refusal(() => act(bytes.subarray(0, length))))) accepted.push(`cut at ${length}`);
  }
  const changed = Buffer.from(bytes);
  for (let bit = 0; bit < bytes.length * 8; bit += whole ? 1 : 7) {
    const [byte, mask] = [bit >> 3, 1 << (bit & 7)];
    changed.writeUInt8((bytes[byte] ?? 0) ^ mask, byte);
    const status = refusal(() => act(changed));
    if (!REFUSED.includes(status)) accepted.push(`bit ${bit & 7} of byte ${byte} flipped: ${status}`);
    changed.writeUInt8(bytes[byte] ?? 0, byte);
  }
  if (refusal(() => act(changed)) !== 0) accepted.push('refused as it is');
  return accepted;
};

it('vectors/transfer.json is what the code makes of the same seeds today', () => {
  expect(recorded).toEqual(JSON.parse(JSON.stringify(made)));
});

describe.each(recorded.documents)('the file "$name"', (each) => {
  it('opens, and says what it says', () => {
    const { signer, payload } = openDocument(each.kind, bytesOf(each.document));
    expect([signer.toString('hex'), payload.toString('utf8')]).toEqual([each.signer, each.payload]);
    expect(open(each, bytesOf(each.document))).toBeDefined();
  });

  it('is refused cut at every byte, and with its bits flipped (S1)', () => {
    expect(acceptedChanges(each.name, bytesOf(each.document), (document) => open(each, document))).toEqual([]);
  }, 60_000);
});

describe.each(recorded.chains)('the certificate "$name"', ({ name, shown, links, certificate }) => {
  it('leaves the key what is beside it', () => {
    const standing = openStanding(bytesOf(shown), vendorKey);
    expect([standing.links, JSON.stringify(standing.certificate)]).toEqual([links, certificate]);
  });

  it('is refused cut at every byte, and with its bits flipped (S1, I4)', () => {
    expect(acceptedChanges(name, bytesOf(shown), (chain) => openStanding(chain, vendorKey))).toEqual([]);
  }, 60_000);
});

describe('a file for somebody else', () => {
  const found = (name: string): Buffer => bytesOf(recorded.documents.find((each) => each.name === name)?.document ?? expect.fail(name));
  const forBoat = found('two seats for the boat for a day');

  it.each<[string, number, () => unknown]>([
    ['an H2R at another recipient', Status.UNKNOWN_RECIPIENT, () => openLending(forBoat, island)],
    ['an R2H at another owner', Status.KEYID_NOT_FOUND, () => openReturning(found('the island gives back'), owner)],
    ['an H2H at another recipient', Status.UNKNOWN_RECIPIENT, () => openMoving(found('the whole key for the new office'), boat)],
    ['an H2R as an H2H', Status.INV_UPDATE_OBJ, () => openMoving(forBoat, boat)],
    ['an H2R as an ID', Status.INV_RECIPIENT, () => openRecipient(forBoat)],
    ['an R2H as an H2R', Status.INV_UPDATE_OBJ, () => openLending(found('the island gives back'), boat)],
  ])('%s is refused with %i', (_, status, act) => {
    expect(refusal(act)).toBe(status);
  });
});
