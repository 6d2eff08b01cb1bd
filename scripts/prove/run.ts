import { lendingMachine, seatsMachine, walk } from '@keyhaven/testkit/model';
import { createRandom, simulate, simulateNear } from '@keyhaven/testkit/world';
import { timer } from './proof.ts';

// One process of a proof that plays seeded runs. Arguments: what to play, the seed, the number of the first run, how many runs apart they are, how many
// events in all, how many seconds (0 = no limit). Tells a line of JSON at its end.

const [what = '', seed = '', first = '0', apart = '1', events = '0', seconds = '0'] = process.argv.slice(2);
// Nobody reads where the refusals of a simulated site come from.
Error.stackTraceLimit = 0;

type Played = { readonly events: number; readonly digest: string };
const WALK = 5_000;
const SEATS = seatsMachine({ seats: 2, holders: 4, sessions: 3, ids: 4, local: true, late: true, steps: 6 });
const LENDING = lendingMachine({
  sold: 3,
  seats: [1, 2],
  durations: [1, 3],
  hours: 30,
  detachments: 6,
  jumps: 12,
  stops: 12,
  ids: 4,
  uses: true,
  wrong: [-400, -1, 0, 3, 400],
});

const walked = (machine: typeof SEATS | typeof LENDING, name: string): Played => {
  const found = walk<never>(machine as never, createRandom(name), WALK);
  if (found.violation === undefined) return { events: found.events, digest: String(found.digest) };
  throw new Error(`${found.violation.fault}\n${found.violation.trace.join('\n')}\n${found.violation.state}`);
};
const play = async (name: string): Promise<Played> => {
  switch (what) {
    case 'site': {
      const { steps, hash } = await simulate({ seed: name, minutes: 20, applications: 24 });
      return { events: steps, digest: hash };
    }
    case 'lending': {
      const { steps, hash } = await simulate({ seed: name, minutes: 15, applications: 14, lends: true });
      return { events: steps, digest: hash };
    }
    case 'near': {
      const { steps, hash } = await simulateNear({ seed: name, minutes: 30, applications: 8 });
      return { events: steps, digest: hash };
    }
    case 'seats':
      return walked(SEATS, name);
    case 'loans':
      return walked(LENDING, name);
    default:
      throw new RangeError(`nothing to play is named ${what}`);
  }
};

const isOver = timer(Number(seconds) === 0 ? undefined : Number(seconds));
let [played, runs] = [0, 0];
const faults: string[] = [];
for (let run = Number(first); played < Number(events) && !isOver() && faults.length < 3; run += Number(apart)) {
  const name = `${seed}-${run}`;
  try {
    played += (await play(name)).events;
  } catch (error) {
    const again = `node scripts/bootstrap.js scripts/prove/run.ts ${what} ${seed} ${run} 1 1`;
    faults.push(`${what}, seed ${name}: ${error instanceof Error ? error.message : String(error)}\nPlay it again with ${again}`);
  }
  runs += 1;
}
process.stdout.write(JSON.stringify({ played, runs, faults }));
