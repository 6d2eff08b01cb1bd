import { useEffect, useRef, useState } from 'preact/hooks';
import { Moment } from '../../ui/bits.tsx';
import { sayBytes } from '../../ui/format.ts';
import { Empty } from '../../ui/notice.tsx';
import { DataTable } from '../../ui/table.tsx';

type Event = {
  readonly number: number;
  readonly at: string;
  readonly event: 'datagram' | 'opened' | 'closed' | 'request';
  readonly direction: 'in' | 'out';
  readonly kind: string;
  readonly peer: string;
  readonly port: number;
  readonly sent: number;
  readonly received: number;
  readonly result: string;
};
type Upcoming = { readonly kind: string; readonly to: string; readonly at: string };

/** BOUNDED: events that are shown. */
const MAX_EVENTS = 200;
const MAX_NEXT = 4;
/** How often what came is drawn. */
const DRAW_MS = 500;
const WORD = { datagram: 'datagram', opened: 'opened', closed: 'closed', request: 'request' } as const;

const useTraffic = (pausing: boolean): { readonly events: readonly Event[]; readonly next: readonly Upcoming[] | undefined } => {
  const [events, setEvents] = useState<readonly Event[]>([]);
  const [next, setNext] = useState<readonly Upcoming[]>();
  const paused = useRef(pausing);
  paused.current = pausing;
  useEffect(() => {
    let fresh: Event[] = []; // BOUNDED by MAX_EVENTS
    const source = new EventSource('/api/v1/network/events');
    source.addEventListener('traffic', ({ data }: MessageEvent<string>) => {
      const event = JSON.parse(data) as Event;
      // What these pages ask themselves would bury all else.
      if (event.kind === 'administration') return;
      fresh = [event, ...fresh].slice(0, MAX_EVENTS);
    });
    source.addEventListener('next', ({ data }: MessageEvent<string>) => setNext(JSON.parse(data) as Upcoming[]));
    const timer = setInterval(() => {
      if (fresh.length === 0 || paused.current) return;
      const came = fresh;
      fresh = [];
      setEvents((now) => [...came, ...now].slice(0, MAX_EVENTS));
    }, DRAW_MS);
    return () => {
      source.close();
      clearInterval(timer);
    };
  }, []);
  return { events, next };
};

export const Traffic = () => {
  const [pausing, setPausing] = useState(false);
  const { events, next } = useTraffic(pausing);
  // What comes above moves nothing that is read already.
  if (next === undefined) return null;
  return (
    <>
      <section class="next">
        <h2>Next</h2>
        <DataTable
          caption="What is sent next"
          columns={[
            { head: 'At', cell: ({ at }: Upcoming) => <Moment at={at} /> },
            { head: 'What', cell: ({ kind }: Upcoming) => kind },
            { head: 'To', cell: ({ to }: Upcoming) => to },
          ]}
          rows={next.slice(0, MAX_NEXT)}
          keyOf={({ kind, to, at }) => `${kind} ${to} ${at}`}
          empty={<Empty title="Nothing is scheduled." />}
        />
      </section>
      <section>
        <h2>Live traffic</h2>
        <p>
          <button type="button" class="secondary small" aria-pressed={pausing} onClick={() => setPausing(!pausing)}>
            {pausing ? 'Go on' : 'Pause'}
          </button>{' '}
          What these pages ask themselves is left out.
        </p>
        <DataTable
          caption="Live traffic"
          columns={[
            { head: 'At', cell: ({ at }: Event) => <Moment at={at} /> },
            { head: 'Direction', cell: ({ direction }: Event) => direction },
            { head: 'What', cell: ({ kind, event }: Event) => `${kind}, ${WORD[event]}` },
            { head: 'Other side', cell: ({ peer, port }: Event) => `${peer.includes(':') ? `[${peer}]` : peer}:${port}` },
            { head: 'Sent', numeric: true, cell: ({ sent }: Event) => sayBytes(sent) },
            { head: 'Received', numeric: true, cell: ({ received }: Event) => sayBytes(received) },
            { head: 'Result', cell: ({ result }: Event) => result },
          ]}
          rows={events}
          keyOf={({ number }) => String(number)}
          empty={<Empty title="Nothing has passed yet.">The next search is listed above.</Empty>}
        />
      </section>
    </>
  );
};
