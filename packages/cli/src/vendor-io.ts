import { LicensingError, Status } from '@keyhaven/core/errors';
import type { Out, Vendor } from '@keyhaven/vendor-tools';
import { type Command, InvalidArgumentError, Option } from 'commander';
import { obtainPassphrase, type Terminal } from './passphrase.ts';
import { withProgress } from './progress.ts';

/** What the commands touch besides files; tests hand in their own. */
export type VendorIo = {
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly terminal: Terminal;
  print(text: string): void;
  /** Text to standard output, as it is; resolves when the reader has it. */
  write(text: string): Promise<void>;
};

/** A sentence for people, or one JSON document. */
export const tell = (io: VendorIo, json: boolean | undefined, text: string, value: unknown): void =>
  io.print(json === true ? JSON.stringify(value) : text);

export const wholeNumber =
  (min: number, max: number) =>
  (text: string): number => {
    const value = /^\d{1,10}$/.test(text) ? Number(text) : Number.NaN;
    if (value >= min && value <= max) return value;
    throw new InvalidArgumentError(`It must be a whole number from ${min} to ${max}.`);
  };
export const productId = wholeNumber(0, 65_471);
/** For an option that may be given several times. */
export const collectProduct = (text: string, before: readonly number[] = []): readonly number[] => [...before, productId(text)];

export const passphraseFile = (): Option =>
  new Option('--passphrase-file <file>', 'A file whose first line is the passphrase of the vendor');

/** The vendor of a directory, able to sign. A passphrase from before there was a minimum opens it, with a hint. */
export const unlocked = async (directory: string, io: VendorIo, file?: string): Promise<Vendor> => {
  const { isShortPassphrase, MIN_PASSPHRASE, openVendor, unlockVendor } = await import('@keyhaven/vendor-tools');
  await openVendor(directory);
  const passphrase = await obtainPassphrase(io.environment, io.terminal, { file });
  const vendor = await withProgress('opening the key of the vendor', unlockVendor(directory, passphrase));
  if (isShortPassphrase(passphrase)) {
    io.terminal.write(
      `hint: the passphrase of this vendor has fewer than ${MIN_PASSPHRASE} characters. Change it with: keyhaven vendor passphrase ${directory}\n`,
    );
  }
  return vendor;
};

/** Where an issued file goes; `-` is standard output. With --json that holds the document about it, so the two exclude each other. */
export const outOf = (io: VendorIo, command: Command, out: string, json: boolean | undefined): Out => {
  if (out !== '-') return out;
  if (json === true) return command.error("error: option '--json' cannot be used with '--out -'", { exitCode: 2 });
  return {
    name: 'standard output',
    write: async (text) => {
      try {
        await io.write(text);
      } catch (cause) {
        throw new LicensingError(Status.SYS_ERR, {
          detail: 'Standard output was closed before the whole file was written.',
          remedy: 'Run the same command again: it gives the same file.',
          cause,
        });
      }
    },
  };
};

/** What became of an issued file: on standard output, or on standard error where the file itself goes to standard output. */
export const tellIssued = (
  io: VendorIo,
  of: { readonly out: string; readonly json: boolean | undefined; readonly again: boolean },
  text: string,
  value: object,
): void => {
  const note = of.again ? ' It was issued before by the same command; this is the same file.' : '';
  if (of.out === '-') io.terminal.write(`${text}${note}\n`);
  else tell(io, of.json, `${of.out}: ${text}${note}`, { file: of.out, ...value, ...(of.again ? { again: true } : {}) });
};
