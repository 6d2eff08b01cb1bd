import type { StatusText } from './status.ts';

// Statuses 51 to 86 and those up to 109 that concern licenses: where a license may be used, updates, detaching and rehosting.

export const licenseTexts = {
  VM_DETECTED: [
    'The license does not allow virtual machines.',
    'Run on a physical computer, or ask the vendor for a license that allows virtual machines.',
  ],
  HARDWARE_MODIFIED: [
    'The computer no longer matches the one that the license was issued for.',
    'Undo the hardware change, or send the vendor a new C2V file and ask for the license again.',
  ],
  USER_DENIED: [
    'The user rules of the license manager do not allow this user.',
    'Ask the administrator of the license manager that holds the key to add the user.',
  ],
  UPDATE_TOO_OLD: ['The key already has a newer update than this one.', 'Apply the latest update, or send the vendor a fresh C2V file.'],
  UPDATE_TOO_NEW: [
    'An earlier update is missing before this one.',
    'Apply the earlier updates first, in the order in which they were issued.',
  ],
  OLD_VLIB: ['The vendor library is too old.', 'Install the current version of the application.'],
  UPLOAD_ERROR: ['The file could not be uploaded to the license manager.', 'Try again, and check the size of the file and the connection.'],
  INV_RECIPIENT: [
    'The description of the recipient is not valid.',
    'Make the recipient file again on the computer that is to receive the license.',
  ],
  INV_ACTION: [
    'The description of the transfer is not valid.',
    'Use one of the actions detach, network detach, cancel or rehost, with the parameters that it needs.',
  ],
  TOO_MANY_PRODUCTS: [
    'The scope matches more than one product, and the request needs exactly one.',
    'Add the id of the product to the scope.',
  ],
  INV_PRODUCT: [
    'The product does not exist or cannot be used for this request.',
    'Check the product id against the list of products of the key.',
  ],
  UNKNOWN_RECIPIENT: [
    'The file was made for another computer.',
    'Apply it on the computer whose recipient file was used, or make it again for this one.',
  ],
  INV_DURATION: [
    'The duration of the detachment is not permitted.',
    'Choose one that is not above the maximum of the license manager and, for an extension, ends later than now agreed.',
  ],
  CLONE_DETECTED: [
    'The state of the key seems to have been copied from another computer.',
    'Use the license on its own computer, or ask the vendor to clear the block.',
  ],
  UPDATE_ALREADY_ADDED: ['This update is already installed.', 'Nothing needs to be done; do not apply it again.'],
  KEY_INACTIVE: ['The key is not active.', 'Ask the vendor to activate the key.'],
  NO_DETACHABLE_FEATURE: ['The product has no feature that can be detached.', 'Ask the vendor for a license that allows detaching.'],
  TOO_MANY_HOSTS: [
    'The scope matches more than one license manager, and the request needs exactly one.',
    'Add the host name or the id of the license manager to the scope.',
  ],
  REHOST_NOT_ALLOWED: ['The license does not permit the key to move to another computer.', 'Ask the vendor to move the license.'],
  LICENSE_REHOSTED: ['The key was already moved to another computer.', 'Use the license there, or move it back from there.'],
  REHOST_ALREADY_APPLIED: [
    'The transfer file was already used or is out of date.',
    'Make a new transfer file at the computer that has the key now.',
  ],
  CANNOT_READ_FILE: ['The file is missing or may not be read.', 'Check the path and the permissions of the file.'],
  EXTENSION_NOT_ALLOWED: [
    'The extension would change the network access or lower the seats of a detached license.',
    'Extend with the same network access and at least as many seats, or return the license and detach it again.',
  ],
  DETACH_DISABLED: ['The product may not be detached to a virtual machine.', 'Detach it to a physical computer.'],
  REHOST_DISABLED: ['The key may not be moved to a virtual machine.', 'Move it to a physical computer.'],
  DETACHED_LICENSE_FOUND: [
    'Licenses detached from this key are still out.',
    'Wait until they are returned or have run out, then try again.',
  ],
  RECIPIENT_OLD_LM: [
    'The recipient file was made by too old a version.',
    'Upgrade the license manager of the recipient and make the file again.',
  ],
  SECURE_STORE_ID_MISMATCH: [
    'The stored state belongs to another license manager than this one.',
    'Put the state back where it came from, or ask the vendor to issue the license for this computer.',
  ],
  DUPLICATE_HOSTNAME: [
    'Another computer on the network has the host name that the key is locked to.',
    'Give one of the two computers another name.',
  ],
  MISSING_LM: [
    'The license counts seats, which needs an Admin LM, and none is running.',
    'Start the license manager service on this computer.',
  ],
  FEATURE_INSUFFICIENT_EXECUTION_COUNT: [
    'The license has fewer executions left than were asked for.',
    'Ask for fewer executions, or buy more from the vendor.',
  ],
  INCOMPATIBLE_PLATFORM: ['The license cannot be used on this platform.', 'Ask the vendor for a license for this operating system.'],
  KEY_DISABLED: ['The key disabled itself because it detected tampering.', 'Ask the vendor to examine and enable the key.'],
  SHARING_VIOLATION: [
    'The key is used by two computers at the same time.',
    'Connect the key directly to one computer, without a sharing device.',
  ],
  KILLED_SESSION: [
    'The session was ended by an administrator or by a fault of the network.',
    'Log in again, or ask the administrator why the session was ended.',
  ],
  VS_DETECTED: [
    'The storage is virtual or is set back by restore software.',
    'Keep the state of the license manager on a disk that is not reset.',
  ],
  UPDATE_OUT_OF_SYNC: [
    'The key and the vendor disagree about the update counter.',
    'Send the vendor a fresh C2V file and apply the update that comes back.',
  ],
  REMOTE_SHARING_VIOLATION: [
    'A proxy makes a remote application look like a local one.',
    'Remove the proxy and let the license managers talk to each other directly.',
  ],
  INV_NETWORK_SEATS: [
    'The number of detached network seats may only grow.',
    'Ask for at least as many seats as are detached now, or return the license first.',
  ],
  NETWORK_DETACH_DISABLED: [
    'All features of the product are unlimited, so there are no seats to detach.',
    'Detach the product without network seats.',
  ],
  INV_OPTION: [
    'The change to the session is not valid.',
    'Pass only options that a running session can change, such as executions to consume.',
  ],
  FEATURE_START_DATE_NOT_REACHED: [
    'The license of the feature has not started yet.',
    'Wait for its start date, and check that the date of the computer is right.',
  ],
  NO_API_DYLIB: ['The API library of the vendor is missing.', 'Install the application again, with all of its files.'],
  INV_API_DYLIB: [
    'The API library of the vendor cannot be loaded.',
    'Install the application again and check that its files fit this operating system.',
  ],
  INCOMPLETE_API_DYLIB: ['The API library of the vendor lacks a function.', 'Install the current version of the API library.'],
  INVALID_OBJECT: ['The object was used before it was set up.', 'Use the session that login returned.'],
  INVALID_PARAMETER: ['A parameter is not valid.', 'Correct the parameter named.'],
  ALREADY_LOGGED_IN: ['The session is already logged in.', 'Use the session as it is, or log out before logging in again.'],
  ALREADY_LOGGED_OUT: ['The session is already logged out.', 'Log in to get a new session.'],
  OPERATION_FAILED: [
    'The operation failed because the platform interface was used wrongly.',
    'Check the order and the arguments of the calls.',
  ],
  NO_EXTBLOCK: [
    'An internal block of the request is missing.',
    'Make sure that the application and its license manager come from unaltered releases, and report the case.',
  ],
  INV_PORT_TYPE: ['The port of the key is of an unknown type.', 'Attach the key at another port, and report the case.'],
  INV_PORT: ['The port of the key is not valid.', 'Attach the key at another port, and report the case.'],
  NET_DLL_BROKEN: ['The network part of the API is damaged.', 'Install the application again.'],
  NOT_IMPL: ['This function is not available in this version.', 'Upgrade to a version that has it, or do without it.'],
  INT_ERR: ['An internal error occurred.', 'Try again; if it happens again, report it with the log of the license manager.'],
} as const satisfies Readonly<Record<string, StatusText>>;
