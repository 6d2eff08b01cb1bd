import { Buffer } from 'node:buffer';
import { Status, statusOf } from '@keyhaven/core/errors';
import type { Observation } from '@keyhaven/core/fingerprint';
import type { HostKind } from '@keyhaven/core/hosts';
import { armor, type Certificate, openDocument, type Product, readC2v } from '@keyhaven/core/license';
import { lmIdentityFrom } from '@keyhaven/core/link';
import { type Clock, wall } from '@keyhaven/core/time';
import type { AccessRules } from '@keyhaven/core/users';
import { createMemoryLedger, type Ledger } from '@keyhaven/ledger';
import { connectApplication } from '../authority/site.testing.ts';
import { type DeviceSource, openKeystore } from '../keystore/index.ts';
import { createTestVendor } from '../keystore/vendor.testing.ts';
import { openLm } from '../lm/index.ts';
import { createMachineSeal, type InstallMarks, systemEntropy } from '../machine/index.ts';
import type { LinkAnswerer } from '../peers/index.ts';
import { createSimulatedClock } from '../simulated-clock.testing.ts';
import type { TransferSettings } from '../transfer/index.ts';

// Several LMs in one process, without sockets: what one posts is answered by the other's answerer at once.

export const vendor = createTestVendor();
const application = { from: 1, to: 1, pid: 1, start: 1, user: 'ada', host: 'here', application: 'survey' };
const seal = createMachineSeal(['id:test'], Buffer.alloc(32, 9), systemEntropy);

/** Lets everything run that needs no time. */
export const settle = async (): Promise<void> => {
  for (let turn = 0; turn < 20; turn += 1) await new Promise((done) => setImmediate(done));
};

export const tower = (disk: string, board: string, more: Partial<Observation['values']> = {}): Observation => ({
  host: 'physical',
  values: { disk: [disk], board: [board], fqdn: ['tower.example'], ...more },
});

/** Time that passes, and a computer's clock that can be moved against it. */
export const createComputerClock = () => {
  const time = createSimulatedClock();
  let shift = 0;
  const clock: Clock = { mono: time.mono, wall: () => wall(time.wall() + shift), after: time.after };
  return {
    clock,
    setBack: (milliseconds: number) => void (shift -= milliseconds),
    async pass(milliseconds: number, step = milliseconds): Promise<void> {
      for (let left = milliseconds; left > 0; left -= step) {
        time.advance(Math.min(step, left));
        await settle();
      }
    },
  };
};

export const createNet = (clock: Clock) => {
  const answerers = new Map<string, Pick<LinkAnswerer, 'hello' | 'confirm' | 'exchange' | 'listen'>>();
  const start = async (options: {
    readonly host: string;
    /** As others see it; `host` where absent. */
    readonly name?: string;
    /** Of the LM's identity. */
    readonly seed: number;
    readonly ledger?: Ledger;
    readonly observe?: () => Observation;
    readonly duplicateKey?: 'refuse' | 'warn';
    readonly access?: AccessRules;
    readonly installMarks?: InstallMarks;
    readonly devices?: DeviceSource;
    readonly transfer?: TransferSettings;
    /** Which license manager it is; the Admin LM where absent (T1). */
    readonly kind?: HostKind;
  }) => {
    const { host } = options;
    const ledger = options.ledger ?? createMemoryLedger({ now: () => clock.wall() });
    const look = options.observe ?? (() => tower('disk 1', 'board 1'));
    const observe = async () => look();
    const keystore = await openKeystore(ledger, seal, systemEntropy, observe, options.kind);
    const events: { event: string; [detail: string]: unknown }[] = [];
    const lm = await openLm({
      self: lmIdentityFrom(Buffer.alloc(32, options.seed)),
      hostname: options.name ?? host,
      ledger,
      keystore,
      clock,
      entropy: systemEntropy,
      async post({ host: to }, path, body) {
        const answerer = answerers.get(to);
        if (answerer === undefined) throw new Error('nobody listens there');
        if (path === '/lm/v1/hello') return answerer.hello(body, host);
        if (path === '/lm/v1/confirm') return answerer.confirm(body, host);
        if (path === '/lm/v1/listen') return answerer.listen(body);
        return answerer.exchange(body, host);
      },
      boot: Math.floor(Math.random() * 60_000),
      idleConnectionMs: 600_000,
      idleSessionMs: 43_200_000,
      remoteLicenses: true,
      ...(options.access === undefined ? {} : { access: options.access }),
      ...(options.installMarks === undefined ? {} : { installMarks: options.installMarks }),
      ...(options.devices === undefined ? {} : { devices: options.devices }),
      ...(options.transfer === undefined ? {} : { transfer: options.transfer }),
      ...(options.kind === undefined ? {} : { host: options.kind }),
      protection: { observe, duplicateKey: options.duplicateKey ?? 'refuse' },
      onKeysChanged: () => undefined,
      onPeersChanged: () => undefined,
      onEvent: (event) => void events.push(event),
    });
    answerers.set(host, lm.answerer);
    await settle();
    const guid = lmIdentityFrom(Buffer.alloc(32, options.seed)).guid;
    return {
      host,
      guid,
      lm,
      ledger,
      keystore,
      events: (name: string) => events.filter(({ event }) => event === name),
      /** Licenses a key for these products, the first of the vendor unless one is there; `protect` names the reference in the certificate. */
      async license(products: readonly Product[], more: Partial<Pick<Certificate, 'issued' | 'rehost'>> = {}) {
        const [present] = keystore.keys();
        const key = present ?? (await keystore.unlicensed('sl-adminmode', vendor.code));
        const state = await keystore.state(key, host, clock.wall());
        const { fingerprint } = readC2v(openDocument('C2V', state).payload);
        const features = products.flatMap((product) => product.features.map(({ id }) => ({ id })));
        const reference = fingerprint !== undefined && products.some(({ protection }) => protection !== undefined) ? { fingerprint } : {};
        const v2c = vendor.license(state, {
          features,
          certificate: { products, issued: new Date(clock.wall()).toISOString(), ...more, ...reference },
        });
        await lm.apply(armor('V2C', v2c));
        await settle();
        return { id: key.identity.id, v2c: armor('V2C', v2c) };
      },
      /** What a login is answered with, as a name. */
      async login(product: number, feature: number): Promise<string> {
        const [key] = keystore.keys();
        if (key === undefined) throw new Error('no key');
        const application = connectApplication(lm, key);
        const reply = await application.login(feature, { product });
        const status = statusOf(reply.status);
        return Object.entries(Status).find(([, code]) => code === status)?.[0] ?? String(reply.status);
      },
      application,
      async find(feature: number) {
        const question = { request: 1, vendor: vendor.code.vendor, vendorKey: vendor.code.publicKey, feature, scope: '' };
        return lm.local.find(question, application, true);
      },
      async stop() {
        answerers.delete(host);
        await lm.close();
        await settle();
      },
    };
  };
  /** Each hears of the other. */
  const meet = async (...lms: readonly Awaited<ReturnType<typeof start>>[]): Promise<void> => {
    for (const one of lms) for (const other of lms) if (one !== other) one.lm.peers.found(other.guid, { host: other.host, port: 1947 });
    await settle();
    for (const { lm } of lms) await Promise.all(lm.peers.all().map((peer) => peer.refresh(true)));
    await settle();
  };
  return { start, meet, answerers };
};

export const product = (id: number, license: Product['features'][number]['license'], protection?: Product['protection']): Product => ({
  id,
  name: `Product ${id}`,
  features: [
    {
      id: id * 10,
      name: `Feature ${id * 10}`,
      license,
      concurrency: { seats: 5, count: 'login', network: true, remoteDesktop: true, virtualMachine: true },
      detachable: false,
    },
  ],
  ...(protection === undefined ? {} : { protection }),
});
