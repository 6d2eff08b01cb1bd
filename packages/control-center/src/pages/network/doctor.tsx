import { useState } from 'preact/hooks';
import { ask, asProblem, type Problem } from '../../api/http.ts';
import { useApp } from '../../app-context.ts';
import { Badge, Empty, ProblemNotice } from '../../ui/notice.tsx';
import { DataTable } from '../../ui/table.tsx';

type Finding = {
  readonly host: string;
  readonly address?: string;
  readonly path: string;
  readonly verdict: 'ok' | 'blocked' | 'limited';
  readonly sentence: string;
  readonly remedy: string;
};
type Course = { readonly done: number; readonly of: number };

/** Hosts that are examined with one question; it takes up to ten seconds. */
const AT_A_TIME = 8;
const KIND = { ok: 'good', blocked: 'bad', limited: 'warn' } as const;
const WORD = { ok: 'Works', blocked: 'Blocked', limited: 'Limited' } as const;

export const Doctor = () => {
  const { rights } = useApp();
  const [named, setNamed] = useState('');
  const [course, setCourse] = useState<Course>();
  const [findings, setFindings] = useState<readonly Finding[]>();
  const [problem, setProblem] = useState<Problem>();
  const examine = async (hosts: readonly string[], broadcast: boolean): Promise<readonly Finding[]> =>
    (await ask<{ readonly findings: readonly Finding[] }>('POST', '/api/v1/network/findings', { json: { hosts, broadcast } })).findings;
  const look = async (): Promise<void> => {
    setProblem(undefined);
    setFindings(undefined);
    setCourse({ done: 0, of: 1 });
    try {
      const wanted = named.split(/[\s,]+/).filter(Boolean);
      let found = await examine([], true);
      const hosts = wanted.length > 0 ? wanted : (await ask<{ readonly hosts: readonly string[] }>('GET', '/api/v1/network/doctor')).hosts;
      for (let done = 0; done < hosts.length; done += AT_A_TIME) {
        setCourse({ done: done + 1, of: hosts.length + 1 });
        const more = await examine(hosts.slice(done, done + AT_A_TIME), false);
        // What is said of this computer is said once.
        const known = new Set(found.map((each) => JSON.stringify(each)));
        found = [...found, ...more.filter((each) => !known.has(JSON.stringify(each)))];
      }
      setFindings(found);
    } catch (error) {
      setProblem(asProblem(error));
    } finally {
      setCourse(undefined);
    }
  };
  return (
    <section>
      <h2>Doctor</h2>
      <p>Tries every path to other license managers and names what blocks it, each with its remedy.</p>
      <form
        class="tools"
        onSubmit={(event) => {
          event.preventDefault();
          void look();
        }}
      >
        <input
          type="text"
          aria-label="Computers to examine"
          placeholder="All that are known, or names and addresses"
          maxLength={2_000}
          value={named}
          onInput={({ currentTarget }) => setNamed(currentTarget.value)}
        />
        <button type="submit" disabled={!rights.write || course !== undefined}>
          Examine
        </button>
      </form>
      {course === undefined ? null : (
        <div role="status">
          <p>Examining …</p>
          <progress aria-label="Examining" max={course.of} value={course.done === 0 ? undefined : course.done} />
        </div>
      )}
      {problem === undefined ? null : <ProblemNotice problem={problem} />}
      {findings === undefined ? null : (
        <div aria-live="polite">
          <DataTable
            caption="What the doctor found"
            columns={[
              {
                head: 'Host',
                cell: ({ host, address }: Finding) => (address === undefined ? host : `${host} (${address})`),
                value: ({ host }) => host,
              },
              { head: 'Path', cell: ({ path }: Finding) => path, value: ({ path }) => path },
              {
                head: 'Result',
                cell: ({ verdict }: Finding) => <Badge kind={KIND[verdict]}>{WORD[verdict]}</Badge>,
                value: ({ verdict }) => verdict,
              },
              { head: 'What', cell: ({ sentence }: Finding) => sentence },
              { head: 'Remedy', cell: ({ remedy }: Finding) => remedy },
            ]}
            rows={findings}
            keyOf={({ host, address, path, sentence }) => `${host} ${address} ${path} ${sentence}`}
            empty={<Empty title="Nothing was found to be wrong." />}
          />
        </div>
      )}
    </section>
  );
};
