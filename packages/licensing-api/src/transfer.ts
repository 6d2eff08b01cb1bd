import { LicensingError, Status } from '@keyhaven/core/errors';
import type { InfoData } from '@keyhaven/core/format';
import type { LmChoice } from '@keyhaven/core/hosts';
import type { Scope, ScopeInput } from '@keyhaven/core/scope';
import { type Transfer, type TransferAction, transferActions } from '@keyhaven/core/wire';
import { readXml } from '@keyhaven/core/xml';
import { fieldsOf, optional, text, U32, whole } from './arguments.ts';
import { type Asked, readQuestion } from './login-options.ts';

// What an application may ask of licenses that go from computer to computer (K5), as data and in the XML form of the field. The license manager
// decides; here only the form is checked.

export type TransferOptions = {
  /**
   * `detach` for one computer, `network_detach` for a computer that serves others, `cancel` to give back, `rehost` to move a whole key; or the
   * same as XML, such as `<detach><duration>3600</duration></detach>`.
   */
  readonly action: TransferAction | (string & {});
  readonly vendorCode: string;
  /** Has to leave one key, and for a detachment one product. */
  readonly scope?: Scope | ScopeInput | string;
  /** Which license manager; `auto` where it is left out (T5). */
  readonly lm?: LmChoice;
  /** Text of the recipient's ID; not for `cancel`. */
  readonly recipient?: string;
  /** Seconds; a day by default. */
  readonly duration?: number;
  /** Of `network_detach`; 1 by default. */
  readonly seats?: number;
};

/** For the ID of this computer (K5). */
export type RecipientOptions = {
  /** Needed with a scope. */
  readonly vendorCode?: string;
  /** Leaves the one key with a detached license that is to have it longer; without it, the ID is for a license that comes anew. */
  readonly scope?: Scope | ScopeInput | string;
};

/** The ID in the answer to `ASK.recipient`. @throws LicensingError OLD_LM (42) where the license manager does not know the question */
export const idIn = ({ licenseManagers }: InfoData): string => {
  const [id] = licenseManagers.flatMap(({ recipient }) => recipient ?? []);
  if (id !== undefined) return id;
  throw new LicensingError(Status.OLD_LM, {
    detail: 'The license manager of this computer makes no IDs for applications yet: upgrade it',
    remedy: 'Upgrade the license manager of this computer, or make the ID with keyhaven recipient.',
  });
};

export type TransferWish = Pick<Transfer, 'action' | 'seconds' | 'seats' | 'recipient'>;

const MAX_SEATS = 32_752;
const MAX_RECIPIENT = 16 * 1024;
const refuse = (detail: string): LicensingError => new LicensingError(Status.INV_ACTION, { detail });
const isAction = (name: string): name is TransferAction => transferActions.some((each) => each === name);

type Action = { readonly action: TransferAction; readonly duration: number | undefined; readonly seats: number | undefined };

const fromXml = (xml: string): Action => {
  const root = readXml(xml, Status.INV_ACTION);
  if (!isAction(root.name)) throw refuse(`There is no action ${root.name}.`);
  const values = new Map<string, number>();
  for (const [name, value] of [...root.attributes, ...root.children.map((child) => [child.name, child.text] as const)]) {
    const known = name === 'duration' || (name === 'seats' && root.name === 'network_detach');
    if (!known || values.has(name)) throw refuse(`${root.name} takes no ${name}, or not twice.`);
    if (!/^\s*\d{1,10}\s*$/.test(value)) throw refuse(`${name} must be a whole number.`);
    values.set(name, Number(value));
  }
  return { action: root.name, duration: values.get('duration'), seats: values.get('seats') };
};

const FIELDS = ['action', 'vendorCode', 'scope', 'lm', 'recipient', 'duration', 'seats'] as const;
type Fields = Readonly<Record<(typeof FIELDS)[number], unknown>>;

/** @throws LicensingError INV_ACTION (59), INV_DURATION (63), INV_RECIPIENT (58), INVALID_PARAMETER (501) where the XML is too large */
export const transferWish = (fields: Partial<Fields>): TransferWish => {
  const given = text(fields.action, 'action', Status.INV_ACTION);
  const found: Action = isAction(given) ? { action: given, duration: undefined, seats: undefined } : fromXml(given);
  const { action } = found;
  const duration = optional(found.duration ?? fields.duration, (each) => whole(each, 'duration', 1, U32, Status.INV_DURATION));
  const seats = optional(found.seats ?? fields.seats, (each) => {
    if (action !== 'network_detach') throw refuse('Only network_detach takes seats.');
    return whole(each, 'seats', 1, MAX_SEATS, Status.INV_ACTION);
  });
  const recipient = optional(fields.recipient, (each) => text(each, 'recipient', Status.INV_RECIPIENT)) ?? '';
  if (action !== 'cancel' && recipient === '')
    throw new LicensingError(Status.INV_RECIPIENT, { detail: 'The ID of the recipient is missing.' });
  if (recipient.length > MAX_RECIPIENT)
    throw new LicensingError(Status.INV_RECIPIENT, { detail: 'The recipient is longer than an ID can be.' });
  return {
    action,
    seconds: duration ?? 0,
    seats: action === 'network_detach' ? (seats ?? 1) : 0,
    recipient: action === 'cancel' ? '' : recipient,
  };
};

/** @throws LicensingError as `transferWish` and `readQuestion` */
export const readTransfer = (value: unknown): { readonly wish: TransferWish; readonly asked: Asked } => {
  const fields = fieldsOf(value, 'the options of transfer', FIELDS);
  return { wish: transferWish(fields), asked: readQuestion(fields) };
};

/** An ID without a scope is of no vendor. */
const ANY_VENDOR = { vendor: { vendor: 0, publicKey: new Uint8Array(32) }, scope: '' } as const;

/** @throws LicensingError as `readQuestion` */
export const readRecipient = (value: unknown): Pick<Asked, 'vendor' | 'scope'> => {
  const { vendorCode, scope } = fieldsOf(value, 'the options of recipient', ['vendorCode', 'scope']);
  if (vendorCode !== undefined) return readQuestion({ vendorCode, scope, lm: undefined });
  if (scope === undefined) return ANY_VENDOR;
  throw new LicensingError(Status.INVALID_PARAMETER, {
    detail: 'A scope needs the vendor code whose keys it is about.',
    remedy: 'Pass vendorCode with the scope.',
  });
};
