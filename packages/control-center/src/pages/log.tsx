import { useState } from 'preact/hooks';
import { ask } from '../api/http.ts';
import { useApp, useLive } from '../app-context.ts';
import { linkTo } from '../router.ts';
import { KeyLink, Moment } from '../ui/bits.tsx';
import { type ListColumn, RemoteList } from '../ui/list.tsx';
import { Empty, ProblemNotice, Waiting } from '../ui/notice.tsx';
import type { AuditRecord } from './overview.tsx';

const tabs = [
  ['access', 'Access log'],
  ['error', 'Error log'],
  ['audit', 'Audit'],
] as const;

const Lines = ({ log }: { readonly log: 'access' | 'error' }) => {
  const { value, problem } = useLive<{ readonly lines: readonly string[] }>(`/api/v1/log/${log}?lines=500`, 'log');
  if (value === undefined) return problem === undefined ? <Waiting /> : <ProblemNotice problem={problem} />;
  if (value.lines.length === 0)
    return (
      <Empty title={`The ${log} log is empty.`}>
        It is off by default: switch it on under <a href={linkTo('configuration')}>Configuration, Basic Settings</a>.
      </Empty>
    );
  return (
    <>
      {problem === undefined ? null : <ProblemNotice problem={problem} />}
      <p>The latest lines, the newest first.</p>
      <pre tabIndex={0} aria-label={`${log} log`}>
        <code>{value.lines.toReversed().join('\n')}</code>
      </pre>
    </>
  );
};

type Verified = {
  readonly from: number;
  readonly to: number;
  readonly head: string;
  readonly fault?: { readonly sequence: number; readonly reason: string };
};

const Verify = () => {
  const { act } = useApp();
  const [found, setFound] = useState<Verified>();
  const look = async (): Promise<void> => setFound(await act('Checking the chain', () => ask<Verified>('GET', '/api/v1/audit/verify')));
  return (
    <>
      <button type="button" class="secondary small" onClick={() => void look()}>
        Check the chain
      </button>
      <span role="status">
        {found === undefined
          ? ''
          : found.fault === undefined
            ? `Records ${found.from} to ${found.to} fit together.`
            : `Record ${found.fault.sequence} does not fit: ${found.fault.reason}`}
      </span>
    </>
  );
};

const columns: readonly ListColumn<AuditRecord>[] = [
  { head: 'Number', numeric: true, cell: ({ sequence }) => sequence },
  { head: 'At', cell: ({ at }) => <Moment at={at} /> },
  { head: 'What', room: 'roomy', cell: ({ kind }) => kind },
  { head: 'Key', cell: ({ scope }) => (/^\d+$/.test(scope) ? <KeyLink id={scope} /> : '') },
  {
    head: 'Details',
    cell: ({ detail }) =>
      Object.entries(detail)
        .filter(([, value]) => value !== null && value !== '')
        .map(([name, value]) => `${name} ${value}`)
        .join(', '),
  },
];

const isTab = (name: string | null): name is (typeof tabs)[number][0] => tabs.some(([tab]) => tab === name);

export const LogPage = ({ query }: { readonly query: URLSearchParams }) => {
  const wanted = query.get('tab');
  const tab = isTab(wanted) ? wanted : 'access';
  return (
    <>
      <nav class="tabs" aria-label="Logs">
        <ul>
          {tabs.map(([name, title]) => (
            <li key={name}>
              <a href={linkTo('log', { tab: name })} aria-current={tab === name ? 'page' : undefined}>
                {title}
              </a>
            </li>
          ))}
        </ul>
      </nav>
      {tab === 'audit' ? (
        <RemoteList
          list="audit"
          page="log"
          query={query}
          filters={{ kind: 'What', key: 'Key', user: 'User', host: 'Computer', feature: 'Feature' }}
          caption="Audit"
          topics={['audit']}
          columns={columns}
          keyOf={({ sequence }) => String(sequence)}
          tools={<Verify />}
          empty={<Empty title="Nothing was decided yet." />}
        />
      ) : (
        <Lines key={tab} log={tab} />
      )}
    </>
  );
};
