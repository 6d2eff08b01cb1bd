import type { StatusName } from './status.ts';

// Statuses of the field that this version never answers with, each with the reason. They stay in the catalogue, because their numbers stand in
// other people's programs. Every other status is produced by a test (test/errors), and docs/errors.md says which is which.

const noMachines = 'Computers that are registered for an identity are counted (92), and are not refused one by one.';
const noServer = 'Identities are kept by the license manager itself, which knows them at once.';
const noCloud = 'Keys are not served from a cloud of the vendor.';
const noVendorLibrary = 'There are no vendor libraries: one license manager serves every vendor.';
const noHardwareClock = 'No key here has a clock of its own; the license time is kept by the license manager.';
const noPorts = 'Keys in hardware are told by what watches their ports, not named by a port.';
const noTokens = 'The only access token is that of one session: it ends with it, and one that does not fit is 88.';
const noInterface = 'There is no platform interface with an order of calls that could be wrong.';

export const notProduced = {
  INV_PROGNUM_OPT: 'There are no legacy feature ids; a feature id that is out of range is 501.',
  INSUF_MEM: 'A process that has no memory left ends; nobody is left to say so.',
  NO_TIME: 'Every key tells the license time.',
  INV_UPDATE_NOTSUPP: 'Every key takes every kind of update that is made for it.',
  INV_UPDATE_CNTR: 'A counter that does not fit is 54, 55, 65 or 94, which say how.',
  ENC_NOT_SUPP: 'Every feature has a secret and the one kind of encryption; a license without is refused when it is applied (19).',
  NO_BATTERY_POWER: noHardwareClock,
  NO_ACK_SPACE: 'An acknowledgement is part of the answer and always has a place.',
  FEATURE_TYPE_NOT_IMPL: 'A license with a type that is not known is refused when it is applied (19).',
  UNKNOWN_ALG: 'Files name a version and no algorithms; a version that is not known is 15.',
  NO_LOG: 'An access log that is switched off is read all the same: with the lines that it had before, or none. The audit is always on.',
  NO_VLIB: noVendorLibrary,
  INV_VLIB: noVendorLibrary,
  OLD_VLIB: noVendorLibrary,
  SECURE_STORE_ID_MISMATCH: 'State that belongs to another computer is 52, a copy of it 64, a damaged one 47.',
  MISSING_LM: 'Seats are always counted by a license manager; where none is reached, that is 33.',
  INCOMPATIBLE_PLATFORM: 'Licenses are not bound to an operating system.',
  KEY_DISABLED: 'A key does not disable itself; what was tampered with is 47, a copy is 64.',
  VS_DETECTED:
    'Storage that is set back is noticed by its effects: the license time (45) and what other computers remember of the key (64).',
  IDENTITY_SHARING_VIOLATION: noMachines,
  IDENTITY_SERVER_NOT_READY: noServer,
  REMOTE_SHARING_VIOLATION: 'The local protocol is served to this computer only, so that a proxy has nothing to pretend.',
  CLOUD_SESSION_OCCUPIED_REMOTELY: noCloud,
  CLOUD_MISSING_AUTHORIZATION: noCloud,
  CLOUD_NOT_SUPP: noCloud,
  CLOUD_NOT_TRUSTED: noCloud,
  CLOUD_STORAGE_COMM_ERR: noCloud,
  CLOUD_STORAGE_BUSY: noCloud,
  MACHINE_DENIED: noMachines,
  MACHINE_DISABLED: noMachines,
  IDENTITY_TEMPORARILY_NOT_ACCESSIBLE: noServer,
  ACCESS_TOKEN_IS_INVALID: noTokens,
  ACCESS_TOKEN_EXPIRED: noTokens,
  NO_API_DYLIB: noVendorLibrary,
  INV_API_DYLIB: noVendorLibrary,
  INCOMPLETE_API_DYLIB: noVendorLibrary,
  INVALID_OBJECT: 'A session exists only as the result of a login.',
  ALREADY_LOGGED_IN: 'A session is logged in when it comes to be, and cannot be logged in again.',
  OPERATION_FAILED: noInterface,
  NO_EXTBLOCK: noInterface,
  INV_PORT_TYPE: noPorts,
  INV_PORT: noPorts,
  NET_DLL_BROKEN: noInterface,
  NOT_IMPL: 'What a version does not do is 16.',
} as const satisfies Partial<Readonly<Record<StatusName, string>>>;
