import type { NearSocket, StartedEnd } from './lm-end.ts';

// What an application with its own license managers needs of its surroundings besides the way to the Admin LM.

/** What speaks for a near LM of one vendor (T5). */
export type NearLook = {
  readonly externalBeside: boolean;
  readonly integratedAvailable: boolean;
  readonly userStore: boolean;
  readonly nearSearch: boolean;
};

/** An Integrated LM; when it fails, the application fails (T4). */
export type IntegratedLm = {
  connect(): NearSocket;
  close(): Promise<void>;
};

export type NearSurroundings = {
  /** Looks now. Never throws. */
  look(vendor: number): NearLook;
  /** @throws LicensingError LOCAL_COMM_ERR (33) where it cannot be started */
  startExternal(vendor: number): StartedEnd;
  /** @throws LicensingError, what keeps it from opening the store of the user */
  openIntegrated(vendor: number): Promise<IntegratedLm>;
  /** For each selection one line; absent = nobody wants to know. */
  readonly explain?: ((line: string) => void) | undefined;
};
