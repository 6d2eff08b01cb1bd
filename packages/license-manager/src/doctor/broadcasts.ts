import type { Interface } from '@keyhaven/core/discovery';
import type { BroadcastEvidence } from '@keyhaven/core/doctor';
import { AGAIN_MS, UDP_MS } from './ask.ts';
import type { DoctorSurroundings } from './surroundings.ts';

// A search to everybody on the link of each interface, each with a cookie of its own, so that it is known which one was answered.

/** BOUNDED: interfaces, and answers to each. */
const MAX_GROUPS = 64;
const MAX_ANSWERS = 1_024;

const searchOn = ({ clock, questions, self }: DoctorSurroundings, { name, family }: Interface, to: string): Promise<BroadcastEvidence> =>
  new Promise((resolve) => {
    const answers = new Map<string, BroadcastEvidence['answers'][number]>(); // BOUNDED by MAX_ANSWERS
    const question = questions.open(({ guid, address }) => {
      if (answers.size < MAX_ANSWERS) answers.set(`${guid} ${address}`, { guid, address });
    });
    let unsent: string | undefined;
    const send = (): void =>
      void question.ask(to, self.port, name).then((code) => {
        unsent = code;
      });
    send();
    const again = clock.after(AGAIN_MS, send);
    clock.after(UDP_MS, () => {
      again();
      question.close();
      resolve({ interface: name, family, to, ...(unsent === undefined ? {} : { unsent }), answers: [...answers.values()] });
    });
  });

export const searchEverywhere = (around: DoctorSurroundings): Promise<BroadcastEvidence[]> => {
  const groups = new Map<string, Interface>(); // BOUNDED by MAX_GROUPS
  for (const each of around.interfaces()) {
    if (each.broadcast !== undefined && groups.size < MAX_GROUPS) groups.set(each.broadcast, groups.get(each.broadcast) ?? each);
  }
  return Promise.all([...groups].map(([to, each]) => searchOn(around, each, to)));
};
