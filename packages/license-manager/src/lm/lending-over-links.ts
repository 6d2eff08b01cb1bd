import { LicensingError, Status } from '@keyhaven/core/errors';
import type { Acts } from '../acts/index.ts';
import type { Authority } from '../authority/index.ts';
import type { Key } from '../keystore/index.ts';
import type { AnswerFile, FileAsker } from '../peers/index.ts';
import type { Transfers } from '../transfer/index.ts';
import type { Refusals } from './refusals.ts';

// What other license managers ask over their links: to be lent, and to give back (K5, docs/decisions/0025-detach-online.md). Each that is not refused by
// the settings is an act in the audit, with who asked and from where (C5); those that are refused are noted now and then, for anybody can knock all day.

export const createLendingOverLinks = (
  rooms: () => {
    readonly authority: Authority;
    readonly transfers: Transfers;
    readonly acts: Acts;
    readonly refusals: Refusals;
    /** A key has other seats, or copies, than before. */
    readonly licensed: (key: Key, added: boolean) => void;
    readonly touched: () => void;
  },
): AnswerFile => {
  const refuseByRules = ({ guid, host, address }: FileAsker): void => {
    const bar = rooms().refusals.againstClient({ address, host, holder: guid });
    if (bar !== undefined) throw new LicensingError(bar.status, { detail: bar.detail });
  };
  const refuseWhereOff = ({ guid, host, address }: FileAsker, of: { readonly key: string; readonly product: number }): void => {
    try {
      rooms().transfers.mayLend(of);
    } catch (error) {
      if (error instanceof LicensingError)
        rooms().refusals.note(
          { address, host, holder: guid },
          { status: Status.ACCESS_DENIED, detail: error.detail ?? '', rule: 'detach.enabled' },
        );
      throw error;
    }
  };
  return async (from, wish, document) => {
    const { authority, transfers, acts, licensed, touched } = rooms();
    const act = { by: 'license manager', address: from.address, host: from.host, holder: from.guid } as const;
    refuseByRules(from);
    if (wish.what === 'return') {
      return acts.perform({ ...act, act: 'return over the network' }, async () => {
        await authority.refresh();
        const { key, added } = await transfers.takeBackFrom(from, document);
        licensed(key, added);
        return new Uint8Array(0);
      });
    }
    refuseWhereOff(from, wish);
    return acts.perform({ ...act, act: `detach over the network: product ${wish.product} of key ${wish.key}` }, async () => {
      await authority.refresh();
      const file = await transfers.lend(from, wish, document);
      touched();
      return file;
    });
  };
};
