import type { FeatureInfo, LmStatus, SessionInfo } from '@keyhaven/core/admin';
import { useLive } from '../app-context.ts';
import { linkTo } from '../router.ts';
import { endsSoon, KeyLink, LicenseText, Moment, Seats } from '../ui/bits.tsx';
import { daysLeft, hasEnded, saySpan } from '../ui/format.ts';
import { Empty, ProblemNotice, Waiting } from '../ui/notice.tsx';
import { SeatsOverTime } from '../ui/seats-chart.tsx';
import { DataTable } from '../ui/table.tsx';
import { type Waiter, WhoWaits } from './waiting.tsx';

export type AuditRecord = {
  readonly sequence: number;
  readonly at: number;
  readonly kind: string;
  readonly scope: string;
  readonly detail: Readonly<Record<string, string | number | boolean | null>>;
};
export type Paged<T> = { readonly items: readonly T[]; readonly next: string | null; readonly total: number };

const SHOWN = 8;

const Figure = ({ name, value, page }: { readonly name: string; readonly value: string; readonly page: string }) => (
  <a class="figure" href={linkTo(page)}>
    <span>{name}</span>
    <strong>{value}</strong>
  </a>
);

const Expiring = ({ features }: { readonly features: readonly FeatureInfo[] }) => {
  const now = Date.now();
  const soon = features
    .filter(({ license }) => endsSoon(license, now) || hasEnded(license, now))
    .toSorted((a, b) => (daysLeft(a.license, now) ?? 0) - (daysLeft(b.license, now) ?? 0));
  return (
    <section>
      <h2>Ends within 30 days</h2>
      <DataTable
        caption="Licenses that end soon"
        columns={[
          { head: 'Feature', cell: ({ feature, name }) => `${name} (${feature})` },
          { head: 'Key', cell: ({ key }) => <KeyLink id={key} /> },
          { head: 'License', cell: ({ license }) => <LicenseText license={license} now={now} /> },
        ]}
        rows={soon.slice(0, SHOWN)}
        keyOf={(row: FeatureInfo) => `${row.key} ${row.product} ${row.feature} ${row.licenseManager.guid}`}
        empty={<Empty title="No license ends within 30 days." />}
      />
    </section>
  );
};

const InUse = ({ features }: { readonly features: readonly FeatureInfo[] }) => {
  const share = ({ seats }: FeatureInfo): number => (seats.limit === null ? 0 : seats.used / seats.limit);
  const used = features
    .filter(({ seats }) => seats.used > 0 || seats.waiting > 0)
    .toSorted((a, b) => b.seats.waiting - a.seats.waiting || share(b) - share(a));
  return (
    <section>
      <h2>In use</h2>
      <DataTable
        caption="Features in use"
        columns={[
          { head: 'Feature', cell: ({ feature, name }) => `${name} (${feature})` },
          { head: 'Key', cell: ({ key }) => <KeyLink id={key} /> },
          { head: 'Seats', cell: ({ seats }) => <Seats seats={seats} /> },
        ]}
        rows={used.slice(0, SHOWN)}
        keyOf={(row: FeatureInfo) => `${row.key} ${row.product} ${row.feature} ${row.licenseManager.guid}`}
        empty={<Empty title="No seat is taken now." />}
      />
    </section>
  );
};

const said = (detail: AuditRecord['detail'], name: string): string => String(detail[name] ?? '');

const Refused = ({ records }: { readonly records: readonly AuditRecord[] }) => (
  <section>
    <h2>Refused of late, and why</h2>
    <DataTable
      caption="Refusals"
      columns={[
        { head: 'At', cell: ({ at }) => <Moment at={at} /> },
        {
          head: 'Who',
          cell: ({ detail }) => [said(detail, 'user'), said(detail, 'host') || said(detail, 'address')].filter(Boolean).join(' at '),
        },
        { head: 'Feature', cell: ({ detail }) => said(detail, 'feature') },
        {
          head: 'Why',
          cell: ({ detail }) =>
            `${said(detail, 'cause')}${said(detail, 'rule') === '' ? '' : `: ${said(detail, 'rule')}`} (${said(detail, 'status')})`,
        },
      ]}
      rows={records}
      keyOf={({ sequence }: AuditRecord) => String(sequence)}
      empty={<Empty title="Nobody was refused." />}
    />
  </section>
);

export const OverviewPage = () => {
  const status = useLive<LmStatus>('/api/v1/status', 'status', 'sessions', 'keys', 'peers');
  const features = useLive<Paged<FeatureInfo>>('/api/v1/list/features?limit=1000', 'features', 'sessions', 'waiting');
  const refused = useLive<Paged<AuditRecord>>(`/api/v1/list/audit?kind=refused&limit=${SHOWN}`, 'denials');
  const sessions = useLive<Paged<SessionInfo>>('/api/v1/list/sessions?limit=1&remote=true', 'sessions');
  const waiting = useLive<readonly Waiter[]>('/api/v1/waiting', 'waiting');
  const problem = [status, features, refused, sessions, waiting].find((each) => each.problem !== undefined)?.problem;
  // All at once, so that nothing moves when the rest comes.
  if (
    status.value === undefined ||
    features.value === undefined ||
    refused.value === undefined ||
    sessions.value === undefined ||
    waiting.value === undefined
  )
    return problem === undefined ? <Waiting /> : <ProblemNotice problem={problem} />;
  const { items } = features.value;
  return (
    <>
      {problem === undefined ? null : <ProblemNotice problem={problem} />}
      <div class="figures">
        <Figure name="Keys here" value={String(status.value.keys)} page="keys" />
        <Figure name="Features" value={String(features.value.total)} page="features" />
        <Figure name="Sessions" value={String(sessions.value.total)} page="sessions" />
        <Figure name="Other license managers" value={String(status.value.peers)} page="network" />
        <Figure name="Up for" value={saySpan(status.value.uptime)} page="about" />
      </div>
      <SeatsOverTime features={items} />
      <div class="pair">
        <InUse features={items} />
        <Expiring features={items} />
      </div>
      <div class="pair">
        <WhoWaits rows={waiting.value.slice(0, SHOWN)} />
        <Refused records={refused.value.items} />
      </div>
    </>
  );
};
