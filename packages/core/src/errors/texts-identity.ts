import type { StatusText } from './status.ts';

// Statuses 87 to 113 that concern identities, machines, tokens and keys kept in a cloud.

export const identityTexts = {
  IDENTITY_REQUIRED: [
    'The license manager asks for an identity, and the application gave none.',
    'Configure the identity that the administrator issued for this user or computer.',
  ],
  IDENTITY_UNAUTHENTICATED: ['The identity is unknown or its secret is wrong.', 'Copy the identity again exactly as it was issued.'],
  IDENTITY_DISABLED: ['The identity is disabled.', 'Ask the administrator to enable it.'],
  IDENTITY_DENIED: [
    'The identity does not have the right to do this.',
    'Ask the administrator to grant the identity login, detach or network detach for this key.',
  ],
  IDENTITY_SHARING_VIOLATION: [
    'The identity is in use on another computer.',
    'End the work there, or log in with the option that takes the session over.',
  ],
  IDENTITY_TOO_MANY_MACHINES: [
    'The identity has reached its limit of registered computers.',
    'Remove a computer that is no longer used, or raise the limit.',
  ],
  IDENTITY_SERVER_NOT_READY: [
    'The license manager cannot check identities because its secret is not set.',
    'Set the secret for identities on that license manager.',
  ],
  CLOUD_SESSION_OCCUPIED_REMOTELY: ['The session was taken over at another computer.', 'Log in again to take it back.'],
  CLOUD_MISSING_AUTHORIZATION: [
    'The vendor has not authorised this license manager to serve licenses in a cloud.',
    'Ask the vendor for the authorisation and install it.',
  ],
  CLOUD_NOT_SUPP: ['The license cannot be served from a cloud.', 'Ask the vendor for a license that can.'],
  CLOUD_NOT_TRUSTED: ['The license may only be kept in trusted storage.', 'Install it on a license manager with trusted storage.'],
  CLOUD_STORAGE_COMM_ERR: ['The license manager cannot reach its shared storage.', 'Check the storage service and the connection to it.'],
  IDENTITY_EXPIRED: ['The identity has expired.', 'Ask the administrator for a new one or for a later date.'],
  CLOUD_STORAGE_BUSY: ['The shared storage is overloaded.', 'Try again after a few seconds.'],
  MACHINE_DENIED: ['This computer does not have the right to use the identity.', 'Ask the administrator to permit this computer.'],
  MACHINE_DISABLED: ['This computer is disabled for the identity.', 'Ask the administrator to enable this computer.'],
  IDENTITY_RATE_LIMIT_EXCEEDED: ['The identity has made too many requests in a short time.', 'Wait a minute and make fewer requests.'],
  IDENTITY_TEMPORARILY_NOT_ACCESSIBLE: ['The identity cannot be looked up at the moment.', 'Try again after a few seconds.'],
  CONFLICTING_AUTHENTICATION_METHODS: ['Both an identity and an access token are configured for one server.', 'Remove one of the two.'],
  ACCESS_TOKEN_IS_INVALID: ['The access token is not valid.', 'Sign in again to get a new token.'],
  ACCESS_TOKEN_EXPIRED: ['The access token has expired.', 'Sign in again to get a new token.'],
} as const satisfies Readonly<Record<string, StatusText>>;
