import { address, base64, flag, hostName, identifier, type Kind, keyType, number, version, words } from './values.ts';

// What a scope can speak about: parts, their fields, and where a subject keeps the value (field-facts 1.4).

/** What a scope is judged against: one feature of one key at one license manager. */
export type ScopeSubject = {
  /** `local`: it is the license manager of the application's own computer, which also answers to localhost and 127.0.0.1. */
  readonly licenseManager: { readonly hostname: string; readonly id: string; readonly ips: readonly string[]; readonly local?: boolean };
  readonly vendor: { readonly id: number | string; readonly code?: string | undefined };
  /** `type` and `configuration` as the XML spells them: HASP-SL-AdminMode, haspsl-adminmode. */
  readonly key: {
    readonly id: number | string;
    readonly type?: string | undefined;
    readonly configuration?: string | undefined;
    readonly version?: string | undefined;
    readonly attached?: boolean | undefined;
  };
  readonly product?: { readonly id: number | string } | undefined;
  readonly feature?: { readonly id: number | string } | undefined;
  readonly session?:
    | {
        readonly username?: string | undefined;
        readonly userid?: string | undefined;
        readonly hostname?: string | undefined;
        readonly apiversion?: string | undefined;
        readonly handle?: number | string | undefined;
      }
    | undefined;
};

export const partNames = ['licenseManager', 'vendor', 'key', 'product', 'feature', 'session'] as const;
export type PartName = (typeof partNames)[number];

const fieldNames = [
  'id',
  'hostname',
  'ip',
  'code',
  'version',
  'type',
  'configuration',
  'attached',
  'username',
  'userid',
  'apiversion',
  'handle',
] as const;
export type FieldName = (typeof fieldNames)[number];

type Value = string | number | boolean;
export type Field = { readonly kind: Kind; readonly read: (subject: ScopeSubject) => readonly Value[] };

const field = (kind: Kind, read: (subject: ScopeSubject) => Value | readonly Value[] | undefined): Field => ({
  kind,
  read: (subject) => {
    const value = read(subject);
    if (value === undefined) return [];
    return typeof value === 'object' ? value : [value];
  },
});

type Part = { readonly element: string; readonly fields: Readonly<Partial<Record<FieldName, Field>>> };

const parts: Readonly<Record<PartName, Part>> = {
  licenseManager: {
    element: 'license_manager',
    fields: {
      hostname: field(hostName, ({ licenseManager: { hostname, local } }) => (local ? [hostname, 'localhost'] : hostname)),
      id: field(identifier, ({ licenseManager }) => licenseManager.id),
      ip: field(address, ({ licenseManager: { ips, local } }) => (local ? [...ips, '127.0.0.1', '::1'] : ips)),
    },
  },
  vendor: {
    element: 'vendor',
    fields: { id: field(number, ({ vendor }) => vendor.id), code: field(base64, ({ vendor }) => vendor.code) },
  },
  key: {
    element: 'hasp',
    fields: {
      id: field(identifier, ({ key }) => key.id),
      version: field(version, ({ key }) => key.version),
      type: field(keyType, ({ key }) => key.type),
      configuration: field(words, ({ key }) => key.configuration),
      attached: field(flag, ({ key }) => key.attached),
    },
  },
  product: { element: 'product', fields: { id: field(number, ({ product }) => product?.id) } },
  feature: { element: 'feature', fields: { id: field(number, ({ feature }) => feature?.id) } },
  session: {
    element: 'session',
    fields: {
      username: field(words, ({ session }) => session?.username),
      userid: field(identifier, ({ session }) => session?.userid),
      hostname: field(hostName, ({ session }) => session?.hostname),
      apiversion: field(version, ({ session }) => session?.apiversion),
      handle: field(identifier, ({ session }) => session?.handle),
    },
  },
};

const partOfElement: ReadonlyMap<string, PartName> = new Map(partNames.map((part) => [parts[part].element, part]));

export const elementOf = (part: PartName): string => parts[part].element;
export const partOf = (element: string): PartName | undefined => partOfElement.get(element);
export const isPartName = (name: string): name is PartName => Object.hasOwn(parts, name);
export const isFieldName = (name: string): name is FieldName => fieldNames.some((field) => field === name);
export const fieldOf = (part: PartName, name: FieldName): Field | undefined => parts[part].fields[name];
/** The names of the fields of a part, for messages. */
export const fieldsOf = (part: PartName): string => Object.keys(parts[part].fields).join(', ');
