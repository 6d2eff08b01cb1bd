/** What somebody wants of another license manager (K5): a product of one of its keys, or more time for what it has lent to this computer. */
export type DetachHere =
  | {
      readonly licenseManager: string;
      readonly key: string;
      readonly product: number;
      /** Seconds; undefined = as the owner does. */
      readonly duration?: number | undefined;
      /** To serve over a network here; undefined = one, for this computer alone. */
      readonly seats?: number | undefined;
    }
  /** `key`: the lent key here. */
  | { readonly key: string; readonly duration?: number | undefined };

export type DetachedHere = { readonly key: string; readonly product: number; readonly until: string; readonly licenseManager: string };
export type ReturnedHere = { readonly key: string; readonly told: boolean; readonly licenseManager: string; readonly detail?: string };
/** Given back here; its owner does not know. */
export type UntoldReturn = {
  readonly key: string;
  readonly ownerKey: string;
  readonly product: number;
  readonly licenseManager: { readonly guid: string; readonly hostname?: string };
  readonly since: string;
  readonly until: string;
  readonly lastFault?: string;
};

export type OnlineTransfers = {
  /** @throws LicensingError of the owner, REMOTE_COMM_ERR (40) where it is out of reach, OLD_LM (42) where it does not know how */
  detach(wish: DetachHere): Promise<DetachedHere>;
  /**
   * Gives a lent license back and tells its owner, now or as soon as it can be reached.
   * @throws LicensingError as `Transfers.giveBack`; INV_ACTION (59) where the owner is not known
   */
  giveBack(key: string): Promise<ReturnedHere>;
  untold(): readonly UntoldReturn[];
  /** The license manager that lent the license of a key here over the network, and its key. */
  ownerOf(key: string): { readonly guid: string; readonly key: string } | undefined;
};
