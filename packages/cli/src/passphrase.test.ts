import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { obtainPassphrase, PASSPHRASE_VARIABLE, type Terminal } from './passphrase.ts';

const terminalOf = (isTTY = true) => {
  const raw: boolean[] = [];
  const written: string[] = [];
  const input = Object.assign(new PassThrough(), { isTTY, setRawMode: (on: boolean) => raw.push(on) });
  const terminal: Terminal = { input, write: (text) => void written.push(text) };
  return { input, raw, written, terminal };
};

describe('the passphrase of a vendor', () => {
  it('comes from the environment without a question', async () => {
    const { terminal, written } = terminalOf(false);
    expect(await obtainPassphrase({ [PASSPHRASE_VARIABLE]: 'from outside' }, terminal, { repeat: true })).toBe('from outside');
    expect(written).toEqual([]);
  });

  it('is refused with a way out where there is neither a variable nor a terminal', async () => {
    const { terminal } = terminalOf(false);
    await expect(obtainPassphrase({}, terminal)).rejects.toMatchObject({
      status: 501,
      message: expect.stringContaining('not set and there is no terminal'),
      remedy: expect.stringContaining(PASSPHRASE_VARIABLE),
    });
  });

  it('is typed without echo, with corrections, and the terminal is put back', async () => {
    const { input, raw, written, terminal } = terminalOf();
    const asked = obtainPassphrase({}, terminal);
    for (const part of ['wrong', '\u0015', 'gehö', '\u007f', 'eim', '\r']) input.write(part);
    expect(await asked).toBe('geheim');
    expect(raw).toEqual([true, false]);
    expect(written.join('')).toBe('Passphrase of the vendor: \n');
  });

  it('is asked twice for a new vendor, also when both lines were typed ahead', async () => {
    const same = terminalOf();
    const asked = obtainPassphrase({}, same.terminal, { repeat: true });
    same.input.write('one\none\n');
    expect(await asked).toBe('one');
    const other = terminalOf();
    const refused = obtainPassphrase({}, other.terminal, { repeat: true });
    other.input.write('one\ntwo\n');
    await expect(refused).rejects.toThrow(/not the same/);
  });

  it('is refused when the user gives up, types nothing, or the input ends or runs over', async () => {
    for (const typed of ['\u0003', 'abc\u0004', '\n', 'x'.repeat(5_000)]) {
      const { input, raw, terminal } = terminalOf();
      const asked = obtainPassphrase({}, terminal);
      input.write(typed);
      await expect(asked, JSON.stringify(typed.slice(0, 5))).rejects.toMatchObject({ status: 501 });
      expect(raw).toEqual([true, false]);
    }
    const { input, terminal } = terminalOf();
    const asked = obtainPassphrase({}, terminal);
    input.end();
    await expect(asked).rejects.toMatchObject({ status: 501 });
  });
});
