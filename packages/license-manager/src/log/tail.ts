import { Buffer } from 'node:buffer';
import { constants } from 'node:fs';
import { open } from 'node:fs/promises';

/** BOUNDED: bytes from the end of a file that are looked at. */
const MOST = 1024 * 1024;

/** The last lines of a text file, the oldest of them first; none of a file that is not there. */
export const tailOf = async (file: string, lines: number): Promise<readonly string[]> => {
  const handle = await open(file, constants.O_RDONLY | (constants.O_NOFOLLOW ?? 0)).catch(() => undefined);
  if (handle === undefined) return [];
  try {
    const { size } = await handle.stat();
    const from = Math.max(0, size - MOST);
    const { buffer, bytesRead } = await handle.read(Buffer.alloc(size - from), 0, size - from, from);
    const found = buffer.toString('utf8', 0, bytesRead).split('\n');
    // Where it begins in the middle of a line, or ends with one, that is none.
    return found
      .slice(from === 0 ? 0 : 1)
      .filter((line) => line !== '')
      .slice(-lines);
  } finally {
    await handle.close();
  }
};
