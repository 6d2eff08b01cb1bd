// What a new passphrase must be: 8 characters or more, as NIST SP 800-63B asks, and none of those that are tried first. There are no rules about kinds of
// characters: length is what counts. A passphrase that was chosen before this rule goes on opening its vendor.

export const MIN_PASSPHRASE = 8;
const MAX_PASSPHRASE = 1_024;

/** What everybody tries first, without digits and signs behind it. */
const COMMON = new Set(
  'password passwort passw0rd p@ssword p@ssw0rd letmein welcome iloveyou sunshine princess football baseball superman trustno1 changeme changeit administrator qwertyui qwertyuiop asdfghjk asdfghjkl qwerty qwertz qwertzui abcdefgh keyhaven'.split(
    ' ',
  ),
);
/** Runs on a keyboard and in the alphabet, forwards. */
const RUNS = [
  'abcdefghijklmnopqrstuvwxyz',
  '01234567890123456789',
  'qwertyuiop',
  'qwertzuiop',
  'asdfghjkl',
  'zxcvbnm',
  'yxcvbnm',
  '1q2w3e4r5t6y7u8i9o0p',
];

const reversed = (text: string): string => Array.from(text).toReversed().join('');
const isRun = (text: string): boolean => RUNS.some((run) => run.includes(text) || reversed(run).includes(text));
/** One short piece over and over: aaaaaaaa, abcabcabc. */
const isRepeated = (text: string): boolean => /^(.{1,3})\1+$/su.test(text);

const isTrivial = (text: string, names: readonly string[]): boolean => {
  const lower = text.normalize('NFKC').toLowerCase();
  const word = lower.replace(/[\d\s!?.,;:_*#$%&+-]+$/u, '');
  return isRepeated(lower) || isRun(lower) || COMMON.has(lower) || COMMON.has(word) || names.some((name) => name.toLowerCase() === lower);
};

/** Characters as people count them. */
const lengthOf = (text: string): number => Array.from(text.normalize('NFC')).length;
export const isShortPassphrase = (text: string): boolean => lengthOf(text) < MIN_PASSPHRASE;

/** Why a new passphrase is refused; undefined where it is not. `names` are no passphrases either. Never says what was typed. */
export const faultOfPassphrase = (text: string, names: readonly string[] = []): string | undefined => {
  const length = lengthOf(text);
  if (length < MIN_PASSPHRASE) return `the passphrase must have at least ${MIN_PASSPHRASE} characters, and it has ${length}`;
  if (length > MAX_PASSPHRASE) return `the passphrase must have at most ${MAX_PASSPHRASE} characters, and it has ${length}`;
  if (isTrivial(text, names)) return 'the passphrase is one of those that are guessed first';
  return undefined;
};
