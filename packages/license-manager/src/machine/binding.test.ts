import { chmod, cp, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { LicensingError } from '@keyhaven/core/errors';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { createMachineSeal, machineMarks, openBinding, systemEntropy, userStoreMarks, writeFileAtomically } from './index.ts';

let root = '';
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), 'keyhaven-'));
});
afterEach(() => rm(root, { recursive: true, force: true }));

const refusalOf = async (work: Promise<unknown>): Promise<LicensingError> => {
  const error: unknown = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (error instanceof LicensingError) return error;
  throw new Error(`not refused: ${String(error)}`);
};
const modeOf = async (path: string): Promise<number> => (await stat(path)).mode & 0o777;

describe('a state directory', () => {
  it('keeps its identity on its own computer', async () => {
    const directory = join(root, 'a/b');
    const made = await openBinding(directory, systemEntropy, ['id:one']);
    const again = await openBinding(directory, systemEntropy, ['id:one']);
    expect(again.identity.guid).toBe(made.identity.guid);
    expect(again.seal.open('x', made.seal.seal('x', Buffer.from('secret')))?.toString()).toBe('secret');
  });

  it('opens nothing on another computer, and says so (52)', async () => {
    await openBinding(root, systemEntropy, ['id:one']);
    const before = await readFile(join(root, 'identity'), 'utf8');
    const error = await refusalOf(openBinding(root, systemEntropy, ['id:two']));
    expect(error.status).toBe(52);
    expect(error.message).toContain(root);
    expect(await readFile(join(root, 'identity'), 'utf8')).toBe(before);
  });

  it('is bound to every mark and to their order', async () => {
    await openBinding(root, systemEntropy, ['host:a', 'aa:bb']);
    for (const marks of [['host:a'], ['host:a', 'aa:bc'], ['aa:bb', 'host:a'], ['host:a', 'aa:bb', 'cc:dd']]) {
      expect((await refusalOf(openBinding(root, systemEntropy, marks))).status).toBe(52);
    }
  });

  it.each([
    ['nothing', ''],
    ['garbage', '\u0000\u0001 garbage'],
    ['another version', 'keyhaven-identity-2 AAAA AAAA'],
    ['a salt that is cut', `keyhaven-identity-1 ${'A'.repeat(40)} ${'A'.repeat(80)}`],
    ['no seed', `keyhaven-identity-1 ${'A'.repeat(43)}`],
  ])('with %s in its identity file is damaged (47) and not overwritten', async (_, text) => {
    await writeFile(join(root, 'identity'), text);
    const error = await refusalOf(openBinding(root, systemEntropy, ['id:one']));
    expect(error.status).toBe(47);
    expect(error.remedy).toContain('backup');
    expect(await readFile(join(root, 'identity'), 'utf8')).toBe(text);
  });

  it('with a changed byte in its identity file is not opened', async () => {
    await openBinding(root, systemEntropy, ['id:one']);
    const text = await readFile(join(root, 'identity'), 'utf8');
    const at = text.length - 10;
    await writeFile(join(root, 'identity'), text.slice(0, at) + (text[at] === 'A' ? 'B' : 'A') + text.slice(at + 1));
    expect((await refusalOf(openBinding(root, systemEntropy, ['id:one']))).status).toBe(52);
  });

  it('is made 0700 with files 0600, whatever it was before (S11)', async () => {
    await chmod(root, 0o777);
    const umask = process.umask(0);
    try {
      await openBinding(root, systemEntropy, ['id:one']);
    } finally {
      process.umask(umask);
    }
    expect(await modeOf(root)).toBe(0o700);
    expect(await modeOf(join(root, 'identity'))).toBe(0o600);
  });

  it('must not be a link or a file (S11)', async () => {
    await mkdir(join(root, 'real'));
    await symlink(join(root, 'real'), join(root, 'link'));
    await writeFile(join(root, 'file'), '');
    for (const name of ['link', 'file']) {
      const error = await refusalOf(openBinding(join(root, name), systemEntropy, ['id:one']));
      expect(error.status).toBe(13);
      expect(error.message).toContain(join(root, name));
    }
  });

  it('is never written through a link that somebody left in it (S11)', async () => {
    const victim = join(root, 'victim');
    await writeFile(victim, 'untouched');
    await symlink(victim, join(root, '.identity.new'));
    await expect(writeFileAtomically(root, 'identity', 'text')).rejects.toMatchObject({ code: 'ELOOP' });
    expect(await readFile(victim, 'utf8')).toBe('untouched');
  });
});

describe('a store of one user (T1)', () => {
  it('that several processes begin at once is one store', async () => {
    const directory = join(root, 'store');
    const marks = await userStoreMarks(directory);
    const bindings = await Promise.all(Array.from({ length: 8 }, () => openBinding(directory, systemEntropy, marks)));
    const [first] = bindings;
    const sealed = first?.seal.seal('x', Buffer.from('secret')) ?? '';
    for (const { seal } of bindings) expect(seal.open('x', sealed)?.toString()).toBe('secret');
    expect(await readdir(directory)).toEqual(['identity']);
  });

  it('opens nothing at another place (52)', async () => {
    const directory = join(root, 'store');
    await openBinding(directory, systemEntropy, await userStoreMarks(directory));
    await cp(directory, join(root, 'copy'), { recursive: true });
    expect((await refusalOf(openBinding(join(root, 'copy'), systemEntropy, await userStoreMarks(join(root, 'copy'))))).status).toBe(52);
    await rename(directory, join(root, 'moved'));
    expect((await refusalOf(openBinding(join(root, 'moved'), systemEntropy, await userStoreMarks(join(root, 'moved'))))).status).toBe(52);
  });

  it('is of one user, and where the way to it leads', async () => {
    const directory = join(root, 'store');
    const marks = await userStoreMarks(directory);
    expect(marks).toContain(`uid:${process.getuid?.()}`);
    await mkdir(join(root, 'elsewhere'));
    await symlink(root, join(root, 'elsewhere', 'link'));
    expect(await userStoreMarks(join(root, 'elsewhere', 'link', 'store'))).toEqual(marks);
  });
});

describe('a seal', () => {
  it('opens only for what it was sealed as, on this computer, for this directory', () => {
    const salt = Buffer.alloc(32, 1);
    const seal = createMachineSeal(['id:one'], salt, systemEntropy);
    const sealed = seal.seal('key 1', Buffer.from('secret'));
    expect(seal.open('key 1', sealed)?.toString()).toBe('secret');
    expect(seal.open('key 2', sealed)).toBeUndefined();
    expect(createMachineSeal(['id:two'], salt, systemEntropy).open('key 1', sealed)).toBeUndefined();
    expect(createMachineSeal(['id:one'], Buffer.alloc(32, 2), systemEntropy).open('key 1', sealed)).toBeUndefined();
    for (const broken of ['', 'A', '***', sealed.slice(0, 12)]) expect(seal.open('key 1', broken)).toBeUndefined();
    expect(seal.seal('key 1', Buffer.from('secret'))).not.toBe(sealed);
  });
});

describe('the marks of this computer', () => {
  it('are there and stay the same', async () => {
    const marks = await machineMarks();
    expect(marks.length).toBeGreaterThan(0);
    expect(await machineMarks()).toEqual(marks);
  });
});
