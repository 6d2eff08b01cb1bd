import type { FeatureInfo } from '@keyhaven/core/admin';
import { useEffect, useRef } from 'preact/hooks';
import { drawSeats, type SeatsDrawing } from './draw.ts';

// Seats in use over time, while the page is open: one point for each answer. The chart is drawn by code that is loaded after the first view.

type Sample = { readonly at: number; readonly used: number; readonly waiting: number };
/** BOUNDED: an hour of samples, three seconds apart. */
const MAX_SAMPLES = 1_200;

export const SeatsChart = ({ features }: { readonly features: readonly FeatureInfo[] }) => {
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
    <section>
      <h2>Seats over time</h2>
      <p>
        {used} in use, {waiting} waiting. The line begins when this page was opened; <a href="#/usage">Usage history</a> has what was
        before.
      </p>
      <div class="chart" ref={at} role="img" aria-label={`Seats over time: now ${used} in use, ${waiting} waiting`} />
    </section>
  );
};
