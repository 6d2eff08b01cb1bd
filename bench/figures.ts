// Figures, and how they are printed. A bench gives ratios beside a reference of the same run, never bare times (SPEC P).

export type Figure = {
  /** Clause of SPEC. */
  readonly clause: string;
  readonly what: string;
  readonly value: number;
  readonly reference: number;
  readonly unit: string;
  readonly referenceIs: string;
  readonly ratio: number;
  /** What SPEC asks of the ratio. */
  readonly target: { readonly atMost: number } | { readonly atLeast: number } | undefined;
};

export const met = ({ ratio, target }: Figure): boolean | undefined =>
  target === undefined ? undefined : 'atMost' in target ? ratio <= target.atMost : ratio >= target.atLeast;

const number = (value: number): string => (value >= 1_000 ? Math.round(value).toLocaleString('en') : value.toPrecision(3));

export const formatFigures = (figures: readonly Figure[]): string => {
  const rows = figures.map((figure) => [
    figure.clause,
    figure.what,
    `${number(figure.value)} ${figure.unit}`,
    `${number(figure.reference)} ${figure.unit}`,
    figure.referenceIs,
    number(figure.ratio),
    figure.target === undefined ? '' : 'atMost' in figure.target ? `<= ${figure.target.atMost}` : `>= ${figure.target.atLeast}`,
    met(figure) === undefined ? '' : met(figure) === true ? 'met' : 'MISSED',
  ]);
  const heads = ['', 'what', 'measured', 'reference', 'reference is', 'ratio', 'target', ''];
  const widths = heads.map((head, column) => Math.max(head.length, ...rows.map((row) => row[column]?.length ?? 0)));
  return [heads, ...rows]
    .map((row) =>
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
    .join('\n');
};

export const median = (values: readonly number[]): number => {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
};
