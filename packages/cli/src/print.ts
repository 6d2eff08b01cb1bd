/** Rows as an aligned table for a terminal; control characters of foreign texts are taken out (S8). */
export const table = (heads: readonly string[], rows: readonly (readonly (string | number | null)[])[], none: string): string => {
  if (rows.length === 0) return `${none}\n`;
  const cells = [heads, ...rows].map((row) => row.map((cell) => String(cell ?? '-').replaceAll(/\p{Cc}+/gu, ' ')));
  const widths = heads.map((_, column) => Math.max(...cells.map((row) => row[column]?.length ?? 0)));
  return cells
    .map(
      (row) =>
        `${row
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join('  ')
          .trimEnd()}\n`,
    )
    .join('');
};

export const printJson = (value: unknown): void => {
  process.stdout.write(`${JSON.stringify(value)}\n`);
};
