import type { Duplicate, LmStatus } from '@keyhaven/core/admin';
import type { Entropy } from '@keyhaven/core/crypto';
import type { LicensingError } from '@keyhaven/core/errors';
import type { HostKind } from '@keyhaven/core/hosts';
import type { LmIdentity, StationProof } from '@keyhaven/core/link';
import type { Clock } from '@keyhaven/core/time';
import type { AccessRules, AddressesOf } from '@keyhaven/core/users';
import type { VersionRange } from '@keyhaven/core/versions';
import type { Ledger } from '@keyhaven/ledger';
import type { RuleBar } from '../access/access.ts';
import type { Acts, AuditWriter } from '../acts/index.ts';
import type { Authority, Sharing } from '../authority/index.ts';
import type { CallerOf } from '../callers/index.ts';
import type { Computer } from '../information/index.ts';
import type { DeviceSource, Key, Keystore } from '../keystore/index.ts';
import type { LocalConnectionOptions } from '../local/index.ts';
import type { InstallMarks, ProcessIdentity, TrialMarks } from '../machine/index.ts';
import type { Overview } from '../overview.ts';
import type { LinkAnswerer, PeerAddress, Peers, Post, Probes } from '../peers/index.ts';
import type { ProtectionSettings } from '../protection/index.ts';
import type { RunningOnlineTransfers, TransferSettings, Transfers } from '../transfer/index.ts';
import type { UpdateResult } from '../updates/index.ts';

// What a license manager is made of and what it gives; lm.ts joins it.

export type LmEvent = { readonly level: 'debug' | 'info' | 'warn' | 'error'; readonly event: string; readonly [detail: string]: unknown };

export type LmOptions = {
  readonly self: LmIdentity;
  readonly hostname: string;
  /** GUIDs that this LM had before: applications that come back may call it by them. */
  readonly former?: ReadonlySet<string>;
  /** Which of the three it is (T1); absent = the Admin LM. */
  readonly host?: HostKind;
  /** The one vendor whose keys it holds; absent = every vendor. */
  readonly vendor?: number;
  readonly ledger: Ledger;
  /** Where the sessions at other LMs are kept; absent = in the ledger. */
  readonly forwarded?: Ledger;
  /** Whom the ledger is shared with (T4); absent = nobody. */
  readonly sharing?: Sharing;
  readonly keystore: Keystore;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly post: Post;
  /** The versions of the link that it offers; absent = all that it speaks. */
  readonly linkVersions?: VersionRange;
  /** How often this LM has started; makes its catalog versions differ from those before. */
  readonly boot: number;
  /** What its discovery can tell another LM that looks for what blocks it (K20); absent = nothing. */
  readonly probes?: Probes;
  readonly idleConnectionMs: number;
  readonly idleSessionMs: number;
  /** The same for sessions of the REST licensing API, as set now; absent = `idleSessionMs`. */
  readonly restIdleMs?: () => number;
  /** Applications here may use keys of other LMs. */
  readonly remoteLicenses: boolean;
  /** Somebody waits for the first search: where it has not begun, it begins. */
  readonly onSearchAwaited?: () => void;
  /** For whoever asks what is here; absent where the host does not know. */
  readonly computer?: Computer;
  /** Clone protection (K6, K9); absent = only the license time. */
  readonly protection?: ProtectionSettings;
  /** Who may take which seat; absent = everybody every one (R9). */
  readonly access?: AccessRules;
  /** The addresses of computers that rules name. */
  readonly addressesOf?: AddressesOf;
  /** Who is at the other end of an application's connection; absent = who it says. */
  readonly callerOf?: CallerOf;
  /** Proves to other LMs on which computer this one runs (K34); absent = on one of its own. Never rejects. */
  readonly station?: (transcript: Uint8Array) => Promise<StationProof | undefined>;
  /** Whether a process of this computer runs; asks the system where absent. */
  readonly running?: (process: ProcessIdentity) => boolean;
  /** Detaching; as an administrator's default where absent (K5). */
  readonly transfer?: TransferSettings;
  /** What this computer remembers of trial licenses outside of the ledger; absent = nothing (K8). */
  readonly trialMarks?: TrialMarks;
  /** Likewise of SL Legacy licenses (T1). */
  readonly installMarks?: InstallMarks;
  /** Keys in hardware (K7); absent = none. */
  readonly devices?: DeviceSource;
  /** The names that administrators gave to keys here; absent = none has one. */
  readonly keyName?: (key: string) => string | undefined;
  /** `added`: the key was not here before. */
  readonly onKeysChanged: (key: Key, added: boolean) => void;
  /** A key was given back, moved to another computer, or unplugged. */
  readonly onKeyGone?: (key: string) => void;
  /** The state or the address of another LM changed. */
  readonly onPeersChanged: () => void;
  readonly onEvent: (event: LmEvent) => void;
};

export type Lm = {
  readonly guid: string;
  readonly authority: Authority;
  readonly peers: Peers;
  readonly answerer: LinkAnswerer;
  readonly overview: Overview;
  /** For `serveLocalConnection`. */
  readonly local: LocalConnectionOptions;
  readonly transfers: Transfers;
  readonly online: RunningOnlineTransfers;
  readonly acts: Acts;
  /** For entries of the audit that nothing waits for. */
  readonly audit: AuditWriter;
  /** What the computer is inside of; undefined before it was looked at. */
  computer(): LmStatus['computer'];
  /** Applies a license document of this text. */
  apply(text: string): Promise<UpdateResult>;
  /** Somebody at this address uses the GUID of this LM, or says so (K9). */
  suspectTwin(address: PeerAddress): void;
  /** All who do, or say so. */
  duplicates(): readonly Duplicate[];
  /** What the mode of "Access from Remote Clients" says to another computer, which is then noted; undefined = it may come (R9). */
  againstRemote(address: string): RuleBar | undefined;
  /** Against a client that has shown an identity, on another computer; noted (R9). */
  againstIdentified(address: string): RuleBar | undefined;
  /** Somebody may not administer from that address; noted likewise. */
  administrationRefused(address: string, refusal: LicensingError): void;
  /** Sessions over the network: of others here, and of applications here at others. */
  crossing(): number;
  /** Other rules of who may take which seat, from now on; sessions that run go on (R9). */
  changeAccess(rules: AccessRules): void;
  /** The first search is over: questions that wait for it go on. By itself it is over after 1.5 s. */
  searched(): void;
  close(): Promise<void>;
};
