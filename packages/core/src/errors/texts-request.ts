import type { StatusText } from './status.ts';

// Statuses 0 to 50: the request, the path to the key, and the key itself.

export const requestTexts = {
  OK: ['The request succeeded.', 'Nothing needs to be done.'],
  MEM_RANGE: [
    'The read or write goes beyond the end of the memory file.',
    'Ask for the size of the file first and keep offset plus length within it.',
  ],
  INV_PROGNUM_OPT: ['The option bits of the legacy feature id are not valid.', 'Use a feature id from 0 to 65471 without option bits.'],
  INSUF_MEM: [
    'There was not enough memory to carry out the request.',
    'Close other programs or give this process more memory, then try again.',
  ],
  TMOF: [
    'The application has too many sessions open at once.',
    'Log out of sessions that are no longer needed; one process may hold 65,536 of them at each key.',
  ],
  ACCESS_DENIED: [
    'The access rules of the license manager do not allow this request.',
    'Ask the administrator of the license manager that holds the key to allow this computer, user or address.',
  ],
  INCOMPAT_FEATURE: ['This feature cannot be used with the legacy decryption call.', 'Use decrypt with a session on this feature instead.'],
  KEY_NOT_FOUND: [
    'No protection key of this vendor was found, neither on this computer nor on the network.',
    'Check that the key is attached or its license installed, and that the computer that holds it appears in the list of peers.',
  ],
  TOO_SHORT: ['The data to encrypt or decrypt is too short.', 'Pass at least 16 bytes.'],
  INV_HND: ['The session does not exist or has already been closed.', 'Log in again and use the new session.'],
  INV_FILEID: [
    'The key has no memory file with this id.',
    'Use the read-write file, the read-only file, or a dynamic file that the product defines.',
  ],
  OLD_DRIVER: [
    'What asks the license manager is too old for it.',
    'Upgrade the side that the message names: the application with its Licensing API, or the license manager that called.',
  ],
  NO_TIME: ['The key has no clock that can be read.', 'Use a key with a clock, or do not ask this key for the time.'],
  SYS_ERR: [
    'The operating system refused a call that the request needs.',
    'See the cause in the log of the license manager; permissions, limits and disk space are the usual ones.',
  ],
  NO_DRIVER: ['The driver that reaches the key is not installed.', 'Install the driver, or use a key that needs none.'],
  INV_FORMAT: [
    'The format of the information asked for, or of the file, is not known.',
    'Use one of the documented formats, and check that the file is the one that was sent to you.',
  ],
  REQ_NOT_SUPP: [
    'This request is not possible with this key or this license manager.',
    'Look up which license manager serves this type of key, and log in to a key that supports the request.',
  ],
  INV_UPDATE_OBJ: ['The file is not an update.', 'Apply the file exactly as the vendor sent it, without opening and saving it in between.'],
  KEYID_NOT_FOUND: [
    'The update is meant for a key that is not on this computer.',
    'Apply it on the computer that holds the key, or ask the vendor for an update made for the key that is here.',
  ],
  INV_UPDATE_DATA: [
    'Parts of the update are missing or malformed.',
    'Fetch the file again; if it stays the same, ask the vendor to issue it anew.',
  ],
  INV_UPDATE_NOTSUPP: [
    'The key does not accept updates of this kind.',
    'Tell the vendor which type of key this is and ask for a fitting update.',
  ],
  INV_UPDATE_CNTR: [
    'The update counter in the update does not fit the key.',
    'Send the vendor a fresh C2V file of the key and apply the update that comes back.',
  ],
  INV_VCODE: ['The vendor code is malformed.', 'Copy the vendor code completely and unchanged into the application.'],
  ENC_NOT_SUPP: ['The key does not know the kind of encryption that was asked for.', 'Use a key and a feature that support AES.'],
  INV_TIME: ['The time given is outside the range that can be represented.', 'Pass a valid date and time in UTC.'],
  NO_BATTERY_POWER: ['The battery of the clock in the key is empty.', 'Ask the vendor to replace the key.'],
  NO_ACK_SPACE: [
    'The update asks for an acknowledgement but the caller gave no place for it.',
    'Apply it with a call that takes the acknowledgement.',
  ],
  TS_DETECTED: [
    'The application runs in a remote desktop session, and the license does not allow that.',
    'Run it at the computer itself, or ask the vendor for a license with remote desktop access.',
  ],
  FEATURE_TYPE_NOT_IMPL: ['The license manager does not know this type of feature.', 'Upgrade the license manager that holds the key.'],
  UNKNOWN_ALG: ['The file uses an algorithm that this version does not know.', 'Upgrade the license manager, then apply the file again.'],
  INV_SIG: [
    'The signature of the data does not hold.',
    'Fetch the file again from its sender; if the signature still fails, do not trust the file and tell the vendor.',
  ],
  FEATURE_NOT_FOUND: [
    'No reachable key of this vendor contains the feature.',
    'Check the feature id, and ask the vendor for a license that contains the feature.',
  ],
  NO_LOG: ['The access log is switched off.', 'Switch the log on in the configuration of the license manager.'],
  LOCAL_COMM_ERR: [
    'The application cannot talk to the license manager on this computer.',
    'Check that the license manager runs and that TCP connections to 127.0.0.1 port 1947 are allowed, then try again.',
  ],
  UNKNOWN_VCODE: [
    'The vendor code is well formed but not known here.',
    'Check that the application carries the code of the vendor that issued the license.',
  ],
  INV_SPEC: ['The XML that describes what to return is not valid.', 'Correct the XML at the place named.'],
  INV_SCOPE: ['The scope is not valid.', 'Correct the scope at the place named.'],
  TOO_MANY_KEYS: ['The scope matches more than one key, and the request needs exactly one.', 'Add the id of the key to the scope.'],
  TOO_MANY_USERS: [
    'All seats of the feature are in use.',
    'Wait until someone logs out, close a session that is no longer needed, or buy more seats.',
  ],
  BROKEN_SESSION: [
    'The session was interrupted because its key disappeared or its license changed.',
    'Log in again; if that fails, check that the key is still attached and licensed.',
  ],
  REMOTE_COMM_ERR: [
    'The license manager on this computer cannot reach the one that holds the key.',
    'Check that the other computer is on and that TCP port 1947 to it is open; `keyhaven net doctor` names what blocks the path.',
  ],
  FEATURE_EXPIRED: ['The license of the feature has expired or its executions are used up.', 'Ask the vendor to extend the license.'],
  OLD_LM: ['The license manager is too old for this request.', 'Upgrade the license manager that the message names.'],
  DEVICE_ERR: [
    'The storage of the key could not be read or written.',
    'Check free space, permissions and health of the disk that holds the state of the license manager; for a hardware key, attach it again.',
  ],
  UPDATE_BLOCKED: [
    'The key does not permit this update, or already has it.',
    'Compare the update counter of the key with the one in the file and ask the vendor.',
  ],
  TIME_ERR: ['The clock of the computer was set back.', 'Set the clock to the right time; if the license stays blocked, ask the vendor.'],
  SCHAN_ERR: [
    'The protected channel to the key failed its check.',
    'Log in again; if it happens repeatedly, look for a proxy, a damaged link or a tampered license manager between here and the key.',
  ],
  STORAGE_CORRUPT: [
    'The stored state of the key is damaged or was altered.',
    'Restore the state of this computer as a whole, or send the vendor a new C2V file to have the license issued again.',
  ],
  NO_VLIB: ['The vendor library is missing.', 'Install the application again, with all of its files.'],
  INV_VLIB: ['The vendor library cannot be loaded.', 'Install the application again and check that its files fit this operating system.'],
  SCOPE_RESULTS_EMPTY: [
    'Nothing matches the scope.',
    'Widen the scope, or check that the key, product or license manager it names can be reached.',
  ],
} as const satisfies Readonly<Record<string, StatusText>>;
