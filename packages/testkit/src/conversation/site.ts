import { Buffer } from 'node:buffer';
import { hex } from '@keyhaven/core/bytes';
import { armor, parseVendorCode } from '@keyhaven/core/license';
import { wall } from '@keyhaven/core/time';
import { createMemoryLedger } from '@keyhaven/ledger';
import { openKeystore } from '@keyhaven/license-manager/keystore';
import { createMachineSeal } from '@keyhaven/license-manager/machine';
import { issueLicense, readCatalog, type Vendor, vendorCodeOf, vendorFromSecrets } from '@keyhaven/vendor-tools';
import type { Random } from '../world/index.ts';
import { WORLD_BEGINS } from '../world/timeline.ts';
import { newStage, stageLm } from './stage.ts';
import type { StagedLm, Tape } from './tape.ts';

// Makes the license managers of a conversation before it begins: with the keys of a test vendor, licensed as its catalog says.

export const testVendor = (random: Random): { readonly vendor: Vendor; readonly told: Tape['vendor'] } => {
  const [signingSeed, masterSecret] = [random.entropy.bytes(32), random.entropy.bytes(32)];
  const [id, name] = [7, 'Vendor of recorded conversations'];
  const vendor = vendorFromSecrets({ id, name }, { signingSeed, masterSecret });
  return {
    vendor,
    told: { id, name, signingSeed: hex(signingSeed), masterSecret: hex(masterSecret), vendorCode: vendorCodeOf(vendor) },
  };
};

const nothingYet = { boot: 1, rows: [] } as const;

export type MadeLm = {
  readonly staged: Omit<StagedLm, 'draws'>;
  /** Text of the next V2C of its key, for another catalog. */
  readonly update: (catalog: string) => string;
  /** Text of an ID of this computer, as it is after `staged`. */
  readonly id: string;
};

export const makeLm = async (random: Random, number: number, vendor: Vendor, catalog: string | undefined): Promise<MadeLm> => {
  const names = { hostname: `host-${number}`, address: `10.0.0.${number + 1}` };
  const secrets = { identitySeed: hex(random.entropy.bytes(32)), salt: hex(random.entropy.bytes(32)) };
  const ledger = createMemoryLedger({ now: () => wall(WORLD_BEGINS) });
  const seal = createMachineSeal([names.hostname], Buffer.from(secrets.salt, 'hex'), random.entropy);
  const keystore = await openKeystore(ledger, seal, random.entropy);
  const code = parseVendorCode(vendorCodeOf(vendor));
  const key = await keystore.unlicensed('sl-adminmode', code);
  const state = async (): Promise<string> => armor('C2V', await keystore.state(key, names.hostname, wall(WORLD_BEGINS)));
  const c2v = await state();
  const issued = (text: string, after?: string): string => {
    const sold = readCatalog(text);
    const products = sold.products.map(({ id }) => id);
    const request = {
      vendor,
      catalog: sold,
      c2v,
      products,
      now: wall(WORLD_BEGINS),
      entropy: random.entropy,
      acknowledge: after !== undefined,
    };
    return issueLicense(after === undefined ? request : { ...request, after }).v2c;
  };
  const first = catalog === undefined ? undefined : issued(catalog);
  // Applied by a license manager on the rows so far, as a customer does.
  const made = { ...names, ...secrets, ...nothingYet, rows: ledger.snapshot().rows, draws: [] };
  const { lm, rows } = await stageLm(newStage(), made, random.entropy);
  if (first !== undefined) await lm.apply(first);
  const id = await lm.transfers.recipient({ type: 'sl-adminmode' });
  const staged = { ...names, ...secrets, boot: 2, rows: rows() };
  await lm.close();
  return {
    staged,
    update: (changed) => issued(changed, first),
    id,
  };
};
