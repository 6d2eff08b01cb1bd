// Charts by uPlot, which comes with the first chart. Colours are those of the page, and follow its theme.

type Sample = { readonly at: number; readonly used: number; readonly waiting: number };
export type SeatsDrawing = { show(samples: readonly Sample[]): void; close(): void };
export type Line = { readonly label: string; readonly colour: string };
export type Drawing = { show(data: readonly (readonly number[])[]): void; close(): void };

const HEIGHT = 180;
/** Seconds that a chart shows at least. */
const SPAN = 600;
const colourOf = (name: string): string => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** From the first to the last moment, ten minutes at least: what has just begun comes from the right. */
const spanOf = (times: readonly number[]): [number, number] => {
  const [first = 0, last = SPAN] = [times[0], times.at(-1)];
  return [Math.min(first, last - SPAN), last];
};
const clock = new Intl.DateTimeFormat('en-GB', { hour: '2-digit', minute: '2-digit' });
const date = new Intl.DateTimeFormat('en-GB', { day: 'numeric', month: 'short' });
const DAYS_2 = 2 * 86_400;
const sayTimes = (times: readonly number[]): string[] => {
  const isLong = (times.at(-1) ?? 0) - (times[0] ?? 0) > DAYS_2;
  return times.map((at) => (isLong ? date : clock).format(at * 1_000));
};

/** Lines over times in seconds. The first row of what is shown are the times. */
export const drawLines = async (into: HTMLElement, lines: readonly Line[]): Promise<Drawing> => {
  const { default: Plot } = await import('uplot');
  let data: number[][] = [[], ...lines.map(() => [])];
  const make = () =>
    new Plot(
      {
        width: into.clientWidth,
        height: HEIGHT,
        legend: { show: false },
        cursor: { show: false },
        scales: {
          x: { range: () => spanOf(data[0] ?? []) },
          y: { range: (_plot, _low, high) => [0, Math.max(1, Math.ceil((high ?? 0) * 1.1))] },
        },
        axes: [0, 1].map((axis) => ({
          stroke: colourOf('--pico-muted-color'),
          grid: { stroke: colourOf('--pico-muted-border-color'), width: 1 },
          ticks: { show: false },
          ...(axis === 0 ? { values: (_plot: unknown, times: number[]) => sayTimes(times) } : {}),
          ...(axis === 1 ? { size: 44, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 100_000] } : {}),
        })),
        series: [
          {},
          ...lines.map(({ label, colour }) => ({
            label,
            stroke: colourOf(colour),
            width: 2,
            points: { show: data[0] !== undefined && data[0].length < 3, size: 5 },
          })),
        ],
      },
      data as [number[], ...number[][]],
      into,
    );
  let plot = make();
  const again = (): void => {
    plot.destroy();
    plot = make();
  };
  const themes = new MutationObserver(again);
  themes.observe(document.documentElement, { attributes: true, attributeFilter: ['data-theme'] });
  const scheme = matchMedia('(prefers-color-scheme: dark)');
  scheme.addEventListener('change', again);
  const sizes = new ResizeObserver(() => plot.setSize({ width: into.clientWidth, height: HEIGHT }));
  sizes.observe(into);
  return {
    show(next) {
      data = next.map((row) => [...row]);
      plot.setData(data as [number[], ...number[][]]);
    },
    close() {
      themes.disconnect();
      scheme.removeEventListener('change', again);
      sizes.disconnect();
      plot.destroy();
    },
  };
};

export const drawSeats = async (into: HTMLElement): Promise<SeatsDrawing> => {
  const drawing = await drawLines(into, [
    { label: 'In use', colour: '--pico-primary' },
    { label: 'Waiting', colour: '--warn-color' },
  ]);
  return {
    show: (samples) =>
      drawing.show([samples.map(({ at }) => at / 1_000), samples.map(({ used }) => used), samples.map(({ waiting }) => waiting)]),
    close: drawing.close,
  };
};
