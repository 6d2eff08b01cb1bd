import { LicensingError, Status } from '@keyhaven/core/errors';

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
/** BOUNDED: what is typed or pasted beyond this is refused. */
const MAX_BYTES = 4_096;

const noPassphrase = (detail: string): LicensingError =>
  new LicensingError(Status.INVALID_PARAMETER, {
    detail,
    remedy: `Set ${PASSPHRASE_VARIABLE}, or run the command at a terminal and type the passphrase there.`,
  });

/**
 * The vendor's passphrase: from the environment, else typed at the terminal without echo; with `repeat` typed twice.
 * @throws LicensingError INVALID_PARAMETER (501) where there is neither.
 */
export const obtainPassphrase = async (
  environment: Readonly<Record<string, string | undefined>>,
  terminal: Terminal,
  options: { readonly repeat?: boolean } = {},
): Promise<string> => {
  const given = environment[PASSPHRASE_VARIABLE];
  if (given !== undefined && given !== '') return given;
  if (terminal.input.isTTY !== true)
    throw noPassphrase(`There is no passphrase: ${PASSPHRASE_VARIABLE} is not set and there is no terminal to ask at.`);
  const typed = await askHidden(terminal, 'Passphrase of the vendor: ');
  if (typed === '') throw noPassphrase('The passphrase is empty.');
  if (options.repeat === true && (await askHidden(terminal, 'The same again: ')) !== typed) {
    throw noPassphrase('The two passphrases typed are not the same.');
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
