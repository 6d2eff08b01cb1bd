// What the doctor says of one path to one host (R10): one sentence that names the cause, and what to do about it.

export const paths = [
  'license manager',
  'settings',
  'name',
  'host',
  'tcp',
  'tcp back',
  'size',
  'udp there',
  'udp back',
  'udp uninvited',
  'broadcast',
  'version',
  'clock',
  'access',
  'access back',
] as const;
export type Path = (typeof paths)[number];
/** `limited`: it works, but not in every way, or it could not be told. */
export type Verdict = 'ok' | 'blocked' | 'limited';

export type Finding = {
  /** As it was asked for; an interface; or this computer. */
  readonly host: string;
  /** Where a host has several. */
  readonly address?: string;
  readonly path: Path;
  readonly verdict: Verdict;
  /** A stable name of the cause, for programs and tests. */
  readonly cause: Cause;
  readonly sentence: string;
  /** Empty where all is well. */
  readonly remedy: string;
};

export type Cause =
  | 'none'
  | 'no license manager here'
  | 'another program here'
  | 'off by settings'
  | 'name unknown'
  | 'name servers silent'
  | 'name of this computer'
  | 'name of another computer'
  | 'no route'
  | 'nobody there'
  | 'not running'
  | 'wrong port'
  | 'dropped'
  | 'dropped there'
  | 'dropped back'
  | 'rejected'
  | 'own filter'
  | 'other program'
  | 'mute'
  | 'closed'
  | 'busy'
  | 'large packets lost'
  | 'another way back'
  | 'another license manager'
  | 'only answers pass'
  | 'broadcast not heard'
  | 'nobody answers'
  | 'no common version'
  | 'clock apart'
  | 'access denied'
  | 'denied here'
  | 'not tested';
