import type { LmStatus } from '@keyhaven/core/admin';
import { useState } from 'preact/hooks';
import { ask, askText } from '../api/http.ts';
import { useApp, useLive } from '../app-context.ts';
import { linkTo } from '../router.ts';
import { Confirm } from '../ui/dialog.tsx';
import { download } from '../ui/download.ts';
import { ProblemNotice, Waiting } from '../ui/notice.tsx';
import { type Fact, Facts, factsOf } from './about.tsx';

const NewId = () => {
  const { rights, act, tell, live } = useApp();
  const [asking, setAsking] = useState(false);
  const make = async (): Promise<void> => {
    const made = await act('Making a new LM id', () =>
      ask<{ readonly guid: string; readonly waitsFor: number }>('POST', '/api/v1/lm-id', { json: {} }),
    );
    if (made === undefined) return;
    const when = made.waitsFor === 0 ? 'the next start' : `a start without sessions over the network (${made.waitsFor} now)`;
    tell({ kind: 'good', text: `The new LM id ${made.guid} holds from ${when} on.` });
    live.refresh();
  };
  return (
    <section>
      <h2>New LM id</h2>
      <p>
        For a computer that was copied with its license manager: both are one to all others until one of them has a new id. Keys and seats
        stay.
      </p>
      <button type="button" class="secondary small" disabled={!rights.widen} onClick={() => setAsking(true)}>
        Create new LM id …
      </button>
      {asking ? (
        <Confirm title="Create a new LM id?" action="Create" onYes={() => void make()} onClose={() => setAsking(false)}>
          <p>It holds after the next start of the license manager. Other license managers then meet this one as a new one.</p>
        </Confirm>
      ) : null}
    </section>
  );
};

type Report = {
  readonly computer: Readonly<Record<string, string | number>>;
  readonly sections: {
    readonly settings?: { readonly file?: string | null };
    readonly clients?: unknown;
    readonly remarks?: unknown;
  };
};
type Remark = { readonly detail: string; readonly remedy: string };
const isRemark = (value: unknown): value is Remark => typeof value === 'object' && value !== null && 'detail' in value && 'remedy' in value;

const computerFacts = ({ computer, sections: { settings, clients } }: Report): readonly Fact[] => [
  ['Operating system', ['system', 'release', 'architecture'].map((name) => computer[name] ?? '').join(' ')],
  ['Node.js', String(computer['node'] ?? '')],
  ['Computers with sessions', typeof clients === 'number' ? String(clients) : 'not known'],
  ['File of the settings', settings?.file ?? 'none'],
];

export const DiagnosticsPage = () => {
  const { rights, act } = useApp();
  const report = useLive<Report>('/api/v1/diagnostics');
  const remarks = [report.value?.sections.remarks].flat().filter(isRemark);
  const { value, problem } = useLive<LmStatus>('/api/v1/status', 'status');
  const isWaiting = [value ?? problem, report.value ?? report.problem].includes(undefined);
  const save = async (what: string, name: string, get: () => Promise<string>): Promise<void> => {
    const text = await act(what, get);
    if (text !== undefined) download(name, text);
  };
  // All at once, so that nothing moves when the rest comes.
  if (isWaiting) return <Waiting />;
  return (
    <>
      {problem === undefined ? null : <ProblemNotice problem={problem} />}
      {remarks.map(({ detail, remedy }) => (
        <div key={detail} class="notice warn">
          <div>
            <p>
              <strong>{detail}</strong>
            </p>
            <p>{remedy}</p>
          </div>
        </div>
      ))}
      {value === undefined ? null : (
        <Facts
          caption="This license manager"
          facts={[
            ...factsOf(value),
            ['Logins now', String(value.sessions)],
            ...(report.value === undefined ? [] : computerFacts(report.value)),
          ]}
        />
      )}
      <section>
        <h2>Report</h2>
        <p>What somebody who helps from afar asks for: settings, keys, features, sessions, network. It holds no password and no key.</p>
        <button
          type="button"
          class="small"
          onClick={() => void save('Making the report', 'keyhaven-report.txt', () => askText('GET', '/api/v1/diagnostics/report'))}
        >
          Generate report
        </button>
      </section>
      <section>
        <h2>ID file of this computer</h2>
        <p>
          For a license that is to be lent to this computer, or a key that is to move here: save the file, take it to the other computer,
          and bring what comes back to <a href={linkTo('update')}>Update/Attach</a>.
        </p>
        <button
          type="button"
          class="small"
          disabled={!rights.write}
          onClick={() => void save('Making the ID file', 'computer.id', () => askText('POST', '/api/v1/recipient', { json: {} }))}
        >
          Save ID file
        </button>
      </section>
      <NewId />
      <section>
        <h2>Network</h2>
        <p>
          <a href={linkTo('network')}>The Network page</a> tells what passes, what is going to, and what blocks it.
        </p>
      </section>
    </>
  );
};
