import type { FeatureInfo } from '@keyhaven/core/admin';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { HoursChart } from '../pages/usage.tsx';
import { drawSeats, type SeatsDrawing } from './draw.ts';

// Seats in use over time, while the page is open: one point for each answer. The chart is drawn by code that is loaded after the first view.

type Sample = { readonly at: number; readonly used: number; readonly waiting: number };
/** BOUNDED: an hour of samples, three seconds apart. */
const MAX_SAMPLES = 1_200;

const spans = [
  ['', 'Since this page was opened'],
  ['1', 'The last 24 hours'],
  ['7', 'The last 7 days'],
  ['30', 'The last 30 days'],
] as const;
const DAY = 86_400_000;
const queryOf = (days: string): string => {
  const now = Date.now();
  const hour = (at: number): string => `${new Date(at).toISOString().slice(0, 13)}:00:00Z`;
  return new URLSearchParams({ from: hour(now - Number(days) * DAY), to: hour(now + DAY / 24) }).toString();
};

/** Seats over time, live or from the history of use. */
export const SeatsOverTime = ({ features }: { readonly features: readonly FeatureInfo[] }) => {
  const [days, setDays] = useState('');
  const query = useMemo(() => queryOf(days), [days]);
  return (
    <section>
      <h2>Seats over time</h2>
      <div class="tools">
        <select aria-label="Time of the chart" value={days} onChange={({ currentTarget }) => setDays(currentTarget.value)}>
          {spans.map(([value, title]) => (
            <option key={value} value={value}>
              {title}
            </option>
          ))}
        </select>
        <a href="#/usage">Usage history</a>
      </div>
      {days === '' ? <SeatsChart features={features} /> : <HoursChart key={days} query={query} />}
    </section>
  );
};

const SeatsChart = ({ features }: { readonly features: readonly FeatureInfo[] }) => {
  const at = useRef<HTMLDivElement>(null);
  const samples = useRef<Sample[]>([]);
  const drawing = useRef<SeatsDrawing | undefined>(undefined);
  const sum = (of: (each: FeatureInfo) => number): number => features.reduce((total, each) => total + of(each), 0);
  const [used, waiting] = [sum(({ seats }) => seats.used), sum(({ seats }) => seats.waiting)];
  useEffect(() => {
    samples.current.push({ at: Date.now(), used, waiting });
    if (samples.current.length > MAX_SAMPLES) samples.current.shift();
    drawing.current?.show(samples.current);
  }, [features]);
  useEffect(() => {
    let gone = false;
    const into = at.current;
    if (into === null) return undefined;
    void drawSeats(into).then((drawn) => {
      if (gone) return drawn.close();
      drawing.current = drawn;
      return drawn.show(samples.current);
    });
    return () => {
      gone = true;
      drawing.current?.close();
    };
  }, []);
  return (
    <figure>
      <div class="chart" ref={at} role="img" aria-label={`Seats over time: now ${used} in use, ${waiting} waiting`} />
      <figcaption>
        <span class="line seats-line">{used} in use</span> <span class="line waiting-line">{waiting} waiting</span>
      </figcaption>
    </figure>
  );
};
