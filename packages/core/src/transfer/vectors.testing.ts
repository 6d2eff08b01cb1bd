import { hex, toBase64 } from '../bytes/index.ts';
import { fill } from '../bytes/wire.testing.ts';
import { seededEntropy } from '../channel/world.testing.ts';
import { openDocument, openStanding } from '../license/index.ts';
import { HOUR, type Wall, wall } from '../time/index.ts';
import { movingDocument, openRecipient, peekH2r } from './index.ts';
import { lendable, Side, secretsOf, vendor } from './sides.testing.ts';

// Makes vectors/transfer.json: every file of docs/protocol/transfer.md from fixed seeds, for other languages to replay.

const START = Date.UTC(2026, 10, 24, 3);
const at = (hours: number): Wall => wall(START + hours * HOUR);
/** Seeds of the four keys: the owner, a boat, an island that gets its license from the boat, and a new office. */
const seeds = { owner: 0x20, boat: 0x30, island: 0x40, office: 0x50 };

/** All byte strings are hex. */
export const makeTransferVectors = () => {
  const entropy = seededEntropy(90_000);
  const products = [{ id: 1, name: 'Survey', features: [lendable(42, 5), lendable(43, 'unlimited')] }];
  const owner = Side.licensed(seeds.owner, { products, rehost: true }, entropy);
  const [boat, island, office] = [new Side(seeds.boat, entropy), new Side(seeds.island, entropy), new Side(seeds.office, entropy)];
  const document = (name: string, kind: 'ID' | 'H2R' | 'R2H' | 'H2H', bytes: Uint8Array) => {
    const { signer, payload } = openDocument(kind, bytes);
    return { name, kind, signer: hex(signer), payload: payload.toString('utf8'), document: hex(bytes) };
  };
  const ids = [boat, island, office].map((side) => side.id(at(0)));
  const [boatId, islandId, officeId] = ids as [Buffer, Buffer, Buffer];
  const detached = owner.detach(boatId, at(0), { seats: 2, durationMs: 24 * HOUR });
  const extended = owner.detach(boatId, at(1), { seats: 3, durationMs: 48 * HOUR });
  boat.receive(extended, at(2));
  const onward = boat.detach(islandId, at(3), { durationMs: 72 * HOUR });
  island.receive(onward, at(4));
  const [islandKey, islandShown] = [hex(fill(32, seeds.island)), island.shown];
  const back = island.giveBack(at(5));
  const certificate = owner.certificate;
  const moved = {
    signingSeed: toBase64(fill(32, seeds.owner)),
    exchangeSeed: toBase64(fill(32, seeds.owner + 1)),
    features: secretsOf(certificate).features,
    memory: [{ file: 0xfff4, data: toBase64(fill(16, 9)) }],
  };
  const moving = {
    identity: owner.identity!,
    certificate: owner.shown!,
    moved,
    usage: [{ product: 1, feature: 42, executions: 7 }],
    rehosts: 1,
    sequence: 2,
  };
  const h2h = movingDocument(moving, openRecipient(officeId), entropy, at(6));
  const chain = (name: string, shown: Uint8Array) => {
    const { certificate: may, links } = openStanding(shown, vendor.publicKey);
    return { name, shown: hex(shown), links, certificate: JSON.stringify(may) };
  };
  const shownIn = (h2r: Uint8Array): Buffer => Buffer.from(peekH2r(h2r).certificate, 'base64url');
  return {
    about:
      'Files of docs/protocol/transfer.md from fixed seeds. Byte strings are hex. Every document opens as it is, and is refused when it is cut at ' +
      'any byte or any of its bits is flipped; so is every chain, which is what a key shows as its certificate. What a chain leaves a key is beside it as JSON.',
    vendor: { id: vendor.vendor, publicKey: hex(vendor.publicKey) },
    keys: [owner, boat, island, office].map((side) => ({
      id: side.waiting.id,
      signingSeed: hex(fill(32, side.seed)),
      exchangeSeed: hex(fill(32, side.seed + 1)),
      publicKey: hex(side.waiting.signingPublic),
    })),
    documents: [
      document('identity of the boat', 'ID', boatId),
      document('identity of the island', 'ID', islandId),
      document('identity of the new office', 'ID', officeId),
      document('two seats for the boat for a day', 'H2R', detached),
      document('three seats for the boat for two days', 'H2R', extended),
      document('one of them for the island alone', 'H2R', onward),
      document('the island gives back', 'R2H', back),
      document('the whole key for the new office', 'H2H', h2h),
    ],
    chains: [
      chain('the vendor alone', owner.shown!),
      chain('two seats for the boat for a day', shownIn(detached)),
      chain('three seats for the boat for two days', shownIn(extended)),
      chain('one of them for the island alone', islandShown!),
    ],
    secrets: { island: islandKey, moved: JSON.stringify(moved) },
  };
};
