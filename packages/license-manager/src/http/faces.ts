import type { LmStatus } from '@keyhaven/core/admin';
import type { LicensingError } from '@keyhaven/core/errors';
import type { AuditQuery, AuditRecord } from '@keyhaven/ledger';
import type { Acts } from '../acts/index.ts';
import type { Administration } from '../administration/index.ts';
import type { Witness } from '../callers/index.ts';
import type { KeyCertificates } from '../certificates.ts';
import type { CompatFaces } from '../compat/faces.ts';
import type { AdministeredSettings } from '../configuration/administered.ts';
import type { Change, SettingChanges } from '../configuration/index.ts';
import type { Report } from '../diagnostics/index.ts';
import type { Doctor } from '../doctor/index.ts';
import type { NewId } from '../lm-id/index.ts';
import type { NetworkView } from '../network/index.ts';
import type { Notices } from '../notices/index.ts';
import type { Overview, WaitingInfo } from '../overview.ts';
import type { LinkAnswerer, PeerRefusal } from '../peers/index.ts';
import type { RecordFaces } from '../records.ts';
import type { OnlineTransfers, Transfers } from '../transfer/index.ts';
import type { UpdateResult } from '../updates/index.ts';
import type { Asset } from './assets.ts';

/** What HTTP may ask of the license manager. */
export type HttpFaces = {
  readonly link: LinkAnswerer;
  /** Proves the computer of this LM for its processes (K34). */
  readonly witness: Witness;
  readonly overview: Overview;
  readonly style: string;
  readonly remoteAdministration: boolean;
  /** How the page for people is shown, and whether its password, where one is set, is for all of it (S7). */
  readonly page: { readonly refreshSeconds: number; readonly rows: number; readonly passwordForAll: boolean };
  /** Against every other license manager, whoever it is, and noted; undefined = it may come (R9). */
  againstRemote(address: string, byTls: boolean): PeerRefusal | undefined;
  /** Somebody may not administer from there, for what it says; noted. */
  administrationRefused(address: string, refusal: LicensingError): void;
  /** The administrator has proven himself from there. */
  administratorAt?(address: string): void;
  /** Names and addresses by which this computer may be called in a Host header. */
  hostNames(): ReadonlySet<string>;
  status(): LmStatus;
  /** Resolves when what is known of other LMs is of now. */
  fresh(): Promise<void>;
  audit(query: AuditQuery): Promise<readonly AuditRecord[]>;
  /** Writes down what somebody does as an administrator (C5); absent = nobody does. */
  readonly perform?: Acts['perform'];
  kill(session: string, by: string): Promise<void>;
  /** Names a key of this computer; an empty name takes it away. */
  nameKey(key: string, name: string, by: string): Promise<void>;
  /** Lets the light of a key blink, or not any more. */
  blinkKey(key: string, on: boolean): Promise<void>;
  /** What was certified of a key of this computer. */
  certificates(key: string): KeyCertificates;
  /** "Create new LM id"; `now`: at the next start, whatever sessions there are over the network. */
  newId(now: boolean, by: string): Promise<NewId>;
  /** The text of a license document. */
  apply(document: string): Promise<UpdateResult>;
  readonly transfers: Transfers;
  readonly online: OnlineTransfers;
  readonly network: NetworkView;
  readonly doctor: Doctor;
  /** What this computer is recognised by, for the vendor of this code: the XML of the format host_fingerprint. */
  fingerprint(vendorCode: string): Promise<string>;
  c2v(wanted: { readonly key: string } | { readonly vendorCode: string; readonly type: 'sl-adminmode' | 'sl-usermode' }): Promise<string>;
  readonly administration: Administration;
  readonly notices: Notices;
  readonly settings: Pick<AdministeredSettings, 'read'> & { change(changes: SettingChanges, by: string): Promise<Change> };
  waiting(): readonly WaitingInfo[];
  diagnostics(): Promise<Report>;
  readonly records: RecordFaces;
  /** The pages of the Admin Control Center; absent = the license manager's own page. */
  readonly assets?: readonly Asset[];
  /** What existing programs call; absent = they are not served (C6). */
  readonly compat?: CompatFaces;
};
