// Who answers for the application of a session: this license manager (`local`), another one by its GUID, or the application itself, which shows
// an identity in the REST licensing API (C6). GUIDs are base64url and have no `:`.

const REST = 'rest:';
/** The holder of applications on this computer. */
export const HERE = 'local';

/** @param address of the client where it is another computer than this one; undefined = this one */
export const restHolder = (identity: string, address: string | undefined): string =>
  `${REST}${identity}${address === undefined ? '' : `@${address}`}`;

/** The identity of a holder that has one. */
export const identityOfHolder = (holder: string): string | undefined =>
  holder.startsWith(REST) ? holder.slice(REST.length).split('@', 1)[0] : undefined;

/** The application is on this computer. */
export const isHere = (holder: string): boolean => holder === HERE || (holder.startsWith(REST) && !holder.includes('@'));

/** Another license manager answers for it. */
export const isLinked = (holder: string): boolean => holder !== HERE && !holder.startsWith(REST);
