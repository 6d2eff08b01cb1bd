import { toBase64 } from '../bytes/index.ts';
import { fill } from '../bytes/wire.testing.ts';
import { certificateOf, documentOf, featureOf, keyOf, seededEntropy, vendorOf } from '../channel/world.testing.ts';
import type { Entropy } from '../crypto/index.ts';
import { LicensingError, type StatusCode } from '../errors/index.ts';
import { type KeyIdentity, keyFromSeeds } from '../key/index.ts';
import { type Certificate, type Feature, openStanding, type Secrets, type Standing } from '../license/index.ts';
import { CLOCK_MARK, type ClockMarkRow, COUNTED_TIME, type CountedRow } from '../license-clock/index.ts';
import { lmIdentityFrom } from '../link/index.ts';
import { decideLogin, decideRelease, type PoolId, rowsOf, type SeatDecision, type SeatRows, sessionRowKey } from '../seats/index.ts';
import { HOUR, type Wall, wall } from '../time/index.ts';
import {
  type DetachRow,
  decideDetach,
  decideLeave,
  decideReattach,
  detachRows,
  faultOfReceiving,
  type GoneRow,
  goneRowKey,
  leaveRows,
  lendingDocument,
  openLending,
  openRecipient,
  openReturning,
  type Reattach,
  reattachRows,
  recipientDocument,
  recipientKeyFrom,
  returningDocument,
} from './index.ts';

// Two and more sides of a detachment without disks and sockets: rows in a table, files as bytes. What the shell of the license manager
// does with the decisions of this module, in small.

export const vendor = vendorOf(37_515, 0x11);
export const SOLD = 5;
export const lendable = (id: number, seats: number | 'unlimited', of: Partial<Feature> = {}): Feature => ({
  ...featureOf(id, seats),
  detachable: true,
  ...of,
});
export const products = (features: readonly Feature[] = [lendable(42, SOLD), lendable(43, 'unlimited'), featureOf(44, 9)]) => [
  { id: 1, name: 'Survey', features },
  { id: 2, name: 'Charts', features: [featureOf(42, 3)] },
];
const entropy = seededEntropy(77_000);
export const secretsOf = (certificate: Certificate): Secrets => ({
  features: [0, ...certificate.products.flatMap(({ features }) => features.map(({ id }) => id))]
    .filter((id, index, all) => all.indexOf(id) === index)
    .map((id) => ({ id, secret: toBase64(fill(32, id % 256)) })),
  readOnly: toBase64(fill(8, 1)),
});

type Row = `${string}/${string}/${string}`;
export class Table {
  readonly rows = new Map<string, object>();
  readonly audit: object[] = [];

  decide<T>(named: readonly Row[], decide: (rows: SeatRows) => SeatDecision<T>): T {
    const view: SeatRows = {
      get: <R extends object>(key: Row): R | undefined => {
        if (!named.includes(key)) throw new TypeError(`reads ${key}, which it did not name`);
        return this.rows.get(key) as R | undefined;
      },
    };
    const decision = decide(view);
    this.audit.push(...decision.audit);
    const scope = decision.changes[0]?.key.split('/')[0];
    for (const { key, row } of decision.changes) {
      if (!key.startsWith(`${scope}/`)) throw new TypeError(`changes ${key} beside rows of ${scope}`);
      if (row === undefined) this.rows.delete(key);
      else this.rows.set(key, JSON.parse(JSON.stringify(row)) as object);
    }
    return decision.reply;
  }
}

export const statusOf = (work: () => unknown): StatusCode => {
  try {
    work();
  } catch (error) {
    if (error instanceof LicensingError) return error.status;
    throw error;
  }
  return 0;
};
const refuse = ({ status, detail }: { readonly status: StatusCode; readonly detail: string }): never => {
  throw new LicensingError(status, { detail });
};

/** One computer with one key, or with a key that waits to receive. */
export class Side extends Table {
  readonly lm;
  readonly seed: number;
  identity: KeyIdentity | undefined;
  shown: Uint8Array | undefined;
  secrets: Secrets | undefined;
  readonly waiting;
  #sessions = 0;

  readonly #entropy: Entropy;

  constructor(seed: number, from: Entropy = entropy) {
    super();
    this.#entropy = from;
    this.seed = seed;
    this.lm = lmIdentityFrom(fill(32, seed + 2));
    this.waiting = recipientKeyFrom('sl-adminmode', fill(32, seed), fill(32, seed + 1));
  }

  /** A key that its vendor licensed. */
  static licensed(seed: number, of: Partial<Certificate> = {}, from: Entropy = entropy): Side {
    const side = new Side(seed, from);
    const key = keyOf(vendor, seed);
    const certificate = { ...certificateOf(key), products: products(), ...of };
    side.identity = key;
    side.shown = documentOf(certificate, vendor);
    side.secrets = secretsOf(certificate);
    return side;
  }

  id(now: Wall, virtualMachine = false): Buffer {
    return recipientDocument(this.waiting, this.lm, { name: `host-${this.seed}`, virtualMachine }, now);
  }
  #opened: { readonly shown: Uint8Array; readonly standing: Standing } | undefined;
  get standing(): Standing | undefined {
    if (this.shown === undefined) return undefined;
    if (this.#opened?.shown !== this.shown) this.#opened = { shown: this.shown, standing: openStanding(this.shown, vendor.publicKey) };
    return this.#opened.standing;
  }
  get certificate(): Certificate {
    if (this.standing === undefined) throw new Error('no license');
    return this.standing.certificate;
  }
  get gone(): GoneRow | undefined {
    return this.rows.get(goneRowKey(this.waiting.id)) as GoneRow | undefined;
  }
  get detached(): ReadonlyMap<string, DetachRow> {
    const found = [...this.rows].filter(([key]) => key.includes('/detach/'));
    return new Map(found.map(([key, row]) => [key.split('/')[2] ?? '', row as DetachRow]));
  }
  pool(feature = 42): PoolId {
    return { key: this.waiting.id, product: 1, feature };
  }
  get used(): number {
    return (this.rows.get(`${this.waiting.id}/pool/1.42`) as { used: number } | undefined)?.used ?? 0;
  }

  /** The owner's act: durable first, then the file. @throws LicensingError */
  detach(
    idDocument: Uint8Array,
    now: Wall,
    of: { seats?: number; durationMs?: number; product?: number; maxMs?: number; counted?: number } = {},
  ): Buffer {
    const { identity, shown, secrets } = this;
    if (identity === undefined || shown === undefined || secrets === undefined) throw new Error('no license');
    const to = openRecipient(idDocument);
    const command = {
      key: identity.id,
      certificate: this.certificate,
      product: of.product ?? 1,
      to,
      seats: of.seats,
      durationMs: of.durationMs ?? 24 * HOUR,
      maxMs: of.maxMs ?? 14 * 24 * HOUR,
      counted: of.counted ?? now,
    };
    const reply = this.decide(detachRows(command), (rows) => decideDetach(rows, command, now));
    if (reply.kind === 'refused') return refuse(reply);
    return lendingDocument({ identity, shown, secrets }, reply.detached, to, this.#entropy);
  }

  /** @throws LicensingError */
  receive(document: Uint8Array, now: Wall): void {
    const lent = openLending(document, this.waiting);
    const before = this.standing;
    const held = before?.delegation === undefined ? undefined : { parent: before.delegation.parent, sequence: before.delegation.sequence };
    const { parent } = lent.h2r;
    const fault = faultOfReceiving(
      { child: this.waiting.id, parent, sequence: lent.sequence, from: wall(lent.from), until: wall(lent.until), held },
      this.gone,
      now,
    );
    if (fault !== undefined) refuse(fault);
    this.identity = keyFromSeeds(
      { type: 'sl-adminmode', vendor: vendor.vendor, vendorKey: lent.vendorKey },
      fill(32, this.seed),
      fill(32, this.seed + 1),
    );
    this.shown = lent.shown;
    this.secrets = lent.secrets;
  }

  /** The recipient's act: gone first, then the file. @throws LicensingError */
  giveBack(now: Wall): Uint8Array {
    const { gone, identity, shown, standing } = this;
    if (gone === undefined && (identity === undefined || shown === undefined || standing?.delegation === undefined))
      throw new Error('nothing to give back');
    const made =
      gone ??
      ({
        why: 'returned',
        at: now,
        vendor: vendor.vendor,
        document: toBase64(returningDocument(identity!, shown!, standing!.delegation!.parent, now)),
        number: standing!.delegation!.sequence,
        to: standing!.delegation!.parent,
      } satisfies GoneRow);
    const command = { key: this.waiting.id, gone: made, erased: [] };
    const reply = this.decide(leaveRows(command), (rows) => decideLeave(rows, command));
    if (reply.kind === 'refused') return refuse(reply);
    this.identity = undefined;
    this.shown = undefined;
    this.endSessions();
    return Buffer.from(reply.gone.document, 'base64url');
  }

  /** @returns false where nothing was out. @throws LicensingError */
  takeBack(document: Uint8Array, now: Wall): boolean {
    const { child } = openReturning(document, keyOf(vendor, this.seed).id === this.identity?.id ? this.identity : this.waiting);
    return this.#reattach(child, 'returned', now);
  }
  /** What a license manager does every minute. `now` is what all of its clocks say where nothing else is named. */
  sweep(now: Wall, { time = now, counted = now }: { time?: number; counted?: number } = {}): void {
    this.rows.set(CLOCK_MARK, { at: time } satisfies ClockMarkRow);
    this.rows.set(COUNTED_TIME, { ms: counted } satisfies CountedRow);
    for (const child of this.detached.keys()) this.#reattach(child, 'ended', now);
  }
  #reattach(child: string, cause: Reattach['cause'], now: Wall): boolean {
    let known: DetachRow | undefined;
    for (;;) {
      const command: Reattach = { key: this.waiting.id, child, known, cause };
      const reply = this.decide(reattachRows(command), (rows) => decideReattach(rows, command, now));
      if (reply.kind !== 'stale') return reply.kind === 'free';
      known = reply.row;
    }
  }

  /** @returns whether a seat was granted. */
  login(now: Wall): boolean {
    if (this.shown === undefined) return false;
    const sold = this.certificate.products.find(({ id }) => id === 1)?.features.find(({ id }) => id === 42);
    if (sold === undefined) return false;
    const seats = sold.concurrency.seats === 'unlimited' ? undefined : sold.concurrency.seats;
    const until = sold.license.type === 'expiration' ? wall(Date.parse(sold.license.until)) : undefined;
    this.#sessions += 1;
    const command = {
      kind: 'login' as const,
      pool: this.pool(),
      terms: { seats, count: 'login' as const, network: true, until, executions: undefined },
      session: `s${this.#sessions}`,
      applicant: { holder: 'local', host: 'h', user: 'u', application: 'a', pid: 1, start: 1, address: '127.0.0.1' },
      seats: 1,
      executions: 0,
      dieAtExpiration: false,
    };
    return this.decide(rowsOf(command), (rows) => decideLogin(rows, command, now)).kind === 'granted';
  }
  get sessions(): string[] {
    return [...this.rows.keys()].filter((key) => key.includes('/session/')).map((key) => key.split('/')[2] ?? '');
  }
  logout(session = this.sessions[0]): void {
    if (session === undefined) return;
    const command = { kind: 'release' as const, pool: this.pool(), session, consumer: undefined, cause: 'logout' as const };
    this.decide([...rowsOf(command), sessionRowKey(this.waiting.id, session)], (rows) => decideRelease(rows, command));
  }
  endSessions(): void {
    for (const session of this.sessions) this.logout(session);
  }
}
