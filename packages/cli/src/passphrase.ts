import { LicensingError, Status } from '@keyhaven/core/errors';
import { passwordIn } from './password-file.ts';

/** What asking needs of a terminal; process.stdin and process.stderr have it. */
export type TerminalInput = {
  readonly isTTY?: boolean;
  setRawMode(raw: boolean): unknown;
  resume(): unknown;
  pause(): unknown;
  unshift(chunk: Uint8Array): unknown;
  on(event: 'data', listener: (chunk: Uint8Array) => void): unknown;
  on(event: 'end', listener: () => void): unknown;
  off(event: 'data', listener: (chunk: Uint8Array) => void): unknown;
  off(event: 'end', listener: () => void): unknown;
};
export type Terminal = { readonly input: TerminalInput; write(text: string): void };

export const PASSPHRASE_VARIABLE = 'KEYHAVEN_VENDOR_PASSPHRASE';
const NEW_PASSPHRASE_VARIABLE = 'KEYHAVEN_VENDOR_NEW_PASSPHRASE';
/** BOUNDED: what is typed or pasted beyond this is refused. */
const MAX_BYTES = 4_096;

const noPassphrase = (detail: string, variable = PASSPHRASE_VARIABLE, option = '--passphrase-file'): LicensingError =>
  new LicensingError(Status.INVALID_PARAMETER, {
    detail,
    remedy: `Set ${variable}, name a file with ${option}, or run the command at a terminal and type the passphrase there.`,
  });

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The vendor's passphrase: the first line of the file, else from the environment, else typed at the terminal without echo; with `repeat` typed twice.
 * @throws LicensingError INVALID_PARAMETER (501) where there is none of them, CANNOT_READ_FILE (72)
 */
export const obtainPassphrase = async (
  environment: Environment,
  terminal: Terminal,
  options: { readonly repeat?: boolean; readonly file?: string | undefined } = {},
): Promise<string> =>
  obtain(environment, terminal, {
    ...options,
    variable: PASSPHRASE_VARIABLE,
    option: '--passphrase-file',
    prompt: 'Passphrase of the vendor: ',
  });

/** Likewise the passphrase that takes its place. @throws LicensingError as `obtainPassphrase` */
export const obtainNewPassphrase = async (environment: Environment, terminal: Terminal, file: string | undefined): Promise<string> =>
  obtain(environment, terminal, {
    file,
    repeat: true,
    variable: NEW_PASSPHRASE_VARIABLE,
    option: '--new-file',
    prompt: 'New passphrase of the vendor: ',
  });

type Source = {
  readonly file?: string | undefined;
  readonly repeat?: boolean;
  readonly variable: string;
  readonly option: string;
  readonly prompt: string;
};
const obtain = async (
  environment: Environment,
  terminal: Terminal,
  { file, repeat, variable, option, prompt }: Source,
): Promise<string> => {
  if (file !== undefined) {
    const line = await passwordIn(file);
    if (line === '') throw noPassphrase(`The first line of ${file} is empty.`, variable, option);
    return line;
  }
  const given = environment[variable];
  if (given !== undefined && given !== '') return given;
  if (terminal.input.isTTY !== true)
    throw noPassphrase(`There is no passphrase: ${variable} is not set and there is no terminal to ask at.`, variable, option);
  const typed = await askHidden(terminal, prompt);
  if (typed === '') throw noPassphrase('The passphrase is empty.', variable, option);
  if (repeat === true && (await askHidden(terminal, 'The same again: ')) !== typed) {
    throw noPassphrase('The two passphrases typed are not the same.', variable, option);
  }
  return typed;
};

/** A new password, typed twice at the terminal. @throws LicensingError INVALID_PARAMETER (501) where there is none, or the two differ */
export const askTwice = async (prompt: string): Promise<string> => {
  const terminal: Terminal = { input: process.stdin, write: (text) => void process.stderr.write(text) };
  if (!process.stdin.isTTY)
    throw new LicensingError(Status.INVALID_PARAMETER, {
      detail: 'There is no terminal to ask at.',
      remedy: 'Name a file whose first line is the new password with --new-file.',
    });
  const typed = await askHidden(terminal, prompt);
  if ((await askHidden(terminal, 'The same again: ')) === typed) return typed;
  throw new LicensingError(Status.INVALID_PARAMETER, { detail: 'The two passwords typed are not the same.', remedy: 'Type it again.' });
};

/** One line typed without echo. */
const askHidden = (terminal: Terminal, prompt: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const { input } = terminal;
    const typed: number[] = [];
    const finish = (settle: () => void): void => {
      input.off('data', onData);
      input.off('end', onEnd);
      input.setRawMode(false);
      input.pause();
      terminal.write('\n');
      settle();
    };
    const onEnd = (): void => finish(() => reject(noPassphrase('The passphrase was not given.')));
    const onData = (chunk: Uint8Array): void => {
      for (const [index, byte] of chunk.entries()) {
        switch (byte) {
          case 0x0a:
          case 0x0d:
            finish(() => resolve(Buffer.from(typed).toString('utf8')));
            // What was typed ahead belongs to the next question.
            if (index + 1 < chunk.length) input.unshift(chunk.subarray(index + 1));
            return;
          case 0x03: // Ctrl-C
          case 0x04: // Ctrl-D
            return onEnd();
          case 0x08:
          case 0x7f:
            // One character back: the bytes that continue it, then the one that begins it.
            while (((typed.at(-1) ?? 0) & 0xc0) === 0x80) typed.pop();
            typed.pop();
            break;
          case 0x15: // Ctrl-U
            typed.length = 0;
            break;
          default:
            typed.push(byte);
        }
      }
      if (typed.length > MAX_BYTES) finish(() => reject(noPassphrase('The passphrase is too long.')));
    };
    // First silent, then the question: who types at once is not echoed either.
    input.setRawMode(true);
    terminal.write(prompt);
    input.on('data', onData);
    input.on('end', onEnd);
    input.resume();
  });
