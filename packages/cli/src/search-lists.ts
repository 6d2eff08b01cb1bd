// The lists of the admin API that have pages: which filters each has, and how people see its rows.

type Cell = string | number | null;
type Row = Readonly<Record<string, unknown>>;
type List = { readonly filters: readonly string[]; readonly heads: readonly string[]; readonly row: (row: Row) => readonly Cell[] };

/** A field, or one inside another one (`seats.used`). */
const cell = (row: Row, path: string): Cell => {
  let at: unknown = row;
  for (const name of path.split('.'))
    at = typeof at === 'object' && at !== null ? Object.getOwnPropertyDescriptor(at, name)?.value : undefined;
  if (typeof at === 'number' || typeof at === 'string') return at;
  return at === undefined || at === null ? null : JSON.stringify(at);
};
const list = (filters: readonly string[], fields: Readonly<Record<string, string>>): List => ({
  filters: [...filters, 'sort'],
  heads: Object.keys(fields),
  row: (row) => Object.values(fields).map((path) => cell(row, path)),
});
const saidDetail = (detail: unknown): string =>
  Object.entries(detail ?? {})
    .flatMap(([name, value]): string[] => (value === null || value === '' ? [] : [`${name}=${String(value)}`]))
    .join(', ');
const auditFields = list([], { NUMBER: 'sequence', AT: 'at', KIND: 'kind', KEY: 'scope', DETAIL: 'detail' });

const all = {
  keys: list(['vendor', 'type', 'local'], {
    KEY: 'key',
    VENDOR: 'vendor',
    TYPE: 'type',
    LOCATION: 'licenseManager.hostname',
    UPDATES: 'updateCounter',
    DAMAGE: 'damage',
    NAME: 'name',
  }),
  products: list(['key', 'vendor', 'local'], { PRODUCT: 'product', NAME: 'name', KEY: 'key', VENDOR: 'vendor', FEATURES: 'features' }),
  features: list(['key', 'vendor', 'product', 'feature', 'local'], {
    FEATURE: 'feature',
    NAME: 'name',
    PRODUCT: 'product',
    KEY: 'key',
    LOCATION: 'licenseManager.hostname',
    LICENSE: 'license.type',
    ENDS: 'license.ends',
    USED: 'seats.used',
    SEATS: 'seats.limit',
  }),
  sessions: list(['key', 'product', 'feature', 'user', 'host', 'remote'], {
    ID: 'id',
    KEY: 'key',
    LOCATION: 'location',
    FEATURE: 'feature',
    SEATS: 'seats',
    USER: 'user',
    HOST: 'host',
    PID: 'pid',
    APPLICATION: 'application',
    SINCE: 'since',
  }),
  peers: list(['state'], { HOST: 'hostname', ADDRESS: 'address', STATE: 'state', KEYS: 'keys', GUID: 'guid' }),
  audit: {
    ...auditFields,
    filters: ['kind', 'key', 'user', 'host', 'feature'],
    row: (row) => auditFields.row({ ...row, at: new Date(Number(row['at'])).toISOString(), detail: saidDetail(row['detail']) }),
  },
} as const satisfies Record<string, List>;

export type ListName = keyof typeof all;
export const lists: Readonly<Record<ListName, List>> = all;
export const isListName = (text: string | undefined): text is ListName => text !== undefined && Object.hasOwn(lists, text);
export const listNames: readonly ListName[] = Object.keys(lists).filter(isListName);
