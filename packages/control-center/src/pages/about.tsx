import type { LmStatus } from '@keyhaven/core/admin';
import type { ComponentChildren } from 'preact';
import { useLive } from '../app-context.ts';
import { Moment } from '../ui/bits.tsx';
import { saySpan } from '../ui/format.ts';
import { ProblemNotice, Waiting } from '../ui/notice.tsx';
import { DataTable } from '../ui/table.tsx';

export type Fact = readonly [name: string, value: ComponentChildren];
const computerFacts = ({ computer }: LmStatus): readonly Fact[] =>
  computer === undefined
    ? []
    : [
        ['Virtual machine', computer.virtualMachine ?? 'no'],
        ['Container', computer.container ?? 'no'],
      ];
export const factsOf = (status: LmStatus): readonly Fact[] => [
  ['Machine name', status.name],
  ['Version', status.version],
  ['LM id', status.guid],
  ['Up for', saySpan(status.uptime)],
  ['TCP', status.tcp.join(', ')],
  ['UDP', status.udp.join(', ') || 'none'],
  ...(status.adminPort === undefined ? [] : ([['Port for administration', String(status.adminPort)]] as const)),
  ...computerFacts(status),
  ...(status.newId === undefined ? [] : ([['New LM id', `${status.newId.guid}, after a start`]] as const)),
];

export const Facts = ({ caption, facts }: { readonly caption: string; readonly facts: readonly Fact[] }) => (
  <dl class="facts" aria-label={caption}>
    {facts.map(([name, value]) => (
      <div key={name}>
        <dt>{name}</dt>
        <dd>{value}</dd>
      </div>
    ))}
  </dl>
);

export const AboutPage = () => {
  const { value, problem } = useLive<LmStatus>('/api/v1/status', 'status');
  if (value === undefined && problem === undefined) return <Waiting />;
  return (
    <>
      <p>Keyhaven is an open license manager. This is the Admin Control Center of the license manager on this computer.</p>
      {problem === undefined ? null : <ProblemNotice problem={problem} />}
      {value === undefined ? null : <Facts caption="This license manager" facts={factsOf(value)} />}
      {value?.duplicates === undefined ? null : (
        <section>
          <h2>Other computers with this LM id</h2>
          <DataTable
            caption="Other computers with this LM id"
            columns={[
              { head: 'Address', cell: ({ address }) => address },
              { head: 'Computer', cell: ({ host }) => host ?? '' },
              { head: 'Proven', cell: ({ proven }) => (proven ? 'yes: a copy of this one' : 'no: it only says so') },
              { head: 'At', cell: ({ at }) => <Moment at={at} /> },
            ]}
            rows={value.duplicates}
            keyOf={({ address }) => address}
            empty={null}
          />
        </section>
      )}
      <section>
        <h2>License</h2>
        <p>Apache License 2.0. The pages are made with Preact (MIT), Pico CSS (MIT) and uPlot (MIT).</p>
        <p>
          The admin API is described at <a href="/api/v1/openapi.json">/api/v1/openapi.json</a>: whatever these pages do, programs can do.
        </p>
      </section>
    </>
  );
};
