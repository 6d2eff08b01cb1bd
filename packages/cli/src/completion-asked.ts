/** What completion asks the license manager for, in a moment or not at all. */
export const asked = ['sessions', 'keys', 'features', 'products', 'users', 'hosts', 'identities', 'managers'] as const;
export type Asked = (typeof asked)[number];
