import { LicensingError, Status } from '@keyhaven/core/errors';
import { armor, unarmor } from '@keyhaven/core/license';
import { peekR2h, recipientDocument } from '@keyhaven/core/transfer';
import { createArriving } from './arriving.ts';
import { chosenBy } from './chosen.ts';
import { detachTermsOf } from './detach-terms.ts';
import { sweepExpired } from './expired.ts';
import { createGround } from './ground.ts';
import { createLeaving } from './leaving.ts';
import { openLending } from './lending.ts';
import type { DetachWish, Transfers, TransfersOptions } from './types.ts';

// Licenses that go from computer to computer (K5): joins the decisions of core/transfer to the ledger, the keys and the sessions of this LM.
// Promised: the ledger is durable before a file exists; a key that leaves has no session left; what is over comes back by itself.
// Not here: the gate that stands before administration (S7).

/** What is off where `detach.enabled` is not set. */
const offFor = { administrator: '', application: 'by applications ', 'license manager': 'over the network ' } as const;

export const openTransfers = async (options: TransfersOptions): Promise<Transfers> => {
  const { self, hostname, keystore, clock, settings } = options;
  const ground = createGround(options);
  const lending = await openLending(options, ground);
  const arriving = createArriving(options, ground);
  const leaving = createLeaving(options, ground);
  const expired = sweepExpired(options, ground);

  const enabledFor = ({ key, product }: { readonly key: string; readonly product: number }): boolean | undefined =>
    detachTermsOf(settings, { vendor: keystore.get(key)?.identity.vendor ?? 0, key, product }).enabled;
  /** @throws LicensingError ACCESS_DENIED (5) */
  const allow = (by: DetachWish['by'], of?: { readonly key: string; readonly product: number }): void => {
    const enabled = of === undefined ? settings.enabled : enabledFor(of);
    if (enabled === true || (enabled === undefined && by === 'administrator')) return;
    throw new LicensingError(Status.ACCESS_DENIED, {
      detail: `Detaching ${enabled === false ? '' : offFor[by]}is off${of === undefined ? '' : ` for product ${of.product}`}.`,
      remedy:
        'Ask the administrator of the license manager, who may set detach.enabled = true, or enabled=1 for the product in detach.products.',
    });
  };
  const detach: Transfers['detach'] = async (wish) => {
    allow(wish.by, wish);
    return lending.detach(wish);
  };

  return {
    async recipient(of) {
      const key =
        'key' in of ? keystore.transfers.recipient(of.key) : await keystore.transfers.fresh(of.type, clock.wall(), options.online?.isAsked);
      if (key === undefined)
        throw new LicensingError(Status.KEYID_NOT_FOUND, { detail: 'No detached license with this key is on this computer.' });
      return armor('ID', recipientDocument(key, self, { name: hostname, virtualMachine: await options.virtualMachine() }, clock.wall()));
    },
    detach,
    giveBack: leaving.giveBack,
    rehost: leaving.rehost,
    async forApplication(wish, sources, user) {
      const detaches = wish.action === 'detach' || wish.action === 'network_detach';
      // Of the product alone it may be on; `detach` looks.
      if (!detaches || settings.products?.some(({ enabled }) => enabled === true) !== true) allow('application');
      const { key, product = 0 } = chosenBy(wish, sources, (id) => keystore.get(id)?.license?.delegation !== undefined);
      switch (wish.action) {
        case 'detach':
        case 'network_detach':
          return detach({
            key,
            product,
            recipient: wish.recipient,
            seconds: wish.seconds === 0 ? undefined : wish.seconds,
            seats: wish.action === 'detach' ? undefined : Math.max(1, wish.seats),
            by: 'application',
            user,
          });
        case 'cancel':
          return leaving.giveBack(key);
        case 'rehost':
          return leaving.rehost(key, wish.recipient);
      }
    },
    async apply(kind, document) {
      switch (kind) {
        case 'H2R':
          return arriving.receive(document);
        case 'R2H':
          return lending.takeBack(document);
        case 'H2H':
          return arriving.arrive(document);
      }
    },
    detached: lending.detached,
    available(key, product) {
      const available = lending.available(key, product);
      return available !== undefined && enabledFor({ key, product }) === false ? 0 : available;
    },
    offered: (key, product) => (enabledFor({ key, product }) === true ? lending.available(key, product) : undefined),
    mayLend: (wish) => allow('license manager', wish),
    async lend(from, { key, product, seconds, seats }, id) {
      allow('license manager', { key, product });
      const recipient = armor('ID', id);
      if (ground.recipientIn(recipient).guid !== from.guid)
        throw new LicensingError(Status.INV_RECIPIENT, { detail: 'The ID is of another license manager than the one that asks.' });
      return unarmor(await lending.detach({ key, product, recipient, seconds, seats, by: 'license manager', from })).bytes;
    },
    async takeBackFrom(from, returned) {
      const { parent, key } = peekR2h(returned);
      const holder = lending.holderOf(parent, key);
      if (holder !== undefined && holder !== from.guid)
        throw new LicensingError(Status.UNKNOWN_RECIPIENT, {
          detail: 'What is given back was lent to another license manager than the one that gives it back.',
          remedy: 'Make the R2H file with keyhaven return --out, and apply it on the computer that lent the license.',
        });
      return lending.takeBack(returned);
    },
    close() {
      expired.close();
      lending.close();
    },
  };
};
