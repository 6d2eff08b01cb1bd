import { useState } from 'preact/hooks';
import { ask } from '../../api/http.ts';
import { useApp, useLive } from '../../app-context.ts';
import { Moment } from '../../ui/bits.tsx';
import { Confirm, Dialog } from '../../ui/dialog.tsx';
import { Badge, Empty, ProblemNotice, Waiting } from '../../ui/notice.tsx';
import { type Column, DataTable } from '../../ui/table.tsx';
import { type Identity, IdentityDialog, type IdentityWish, limitText } from './identity-form.tsx';

// Identities of clients of the REST licensing API (C6).

type Issued = { readonly identity: Identity; readonly secret: string };

const STATES = { enabled: 'Enabled', disabled: 'Disabled', expired: 'Expired' } as const;
const URL_OF = '/api/v1/identities';

export const Identities = () => {
  const { rights, act, tell, live } = useApp();
  const { value, problem } = useLive<readonly Identity[]>(URL_OF, 'settings');
  const [issuing, setIssuing] = useState(false);
  const [issued, setIssued] = useState<Issued>();
  const [changing, setChanging] = useState<Identity>();
  const [removing, setRemoving] = useState<Identity>();
  const change = async (what: string, method: string, { id }: Identity, json?: object): Promise<void> => {
    const done = await act(what, () => ask(method, `${URL_OF}/${encodeURIComponent(id)}`, json === undefined ? undefined : { json }));
    if (done === undefined) return;
    tell({ kind: 'good', text: 'Done.' });
    live.refresh();
  };
  const issue = async (wish: IdentityWish): Promise<void> => {
    const json = Object.fromEntries(Object.entries(wish).filter(([, each]) => each !== null));
    const made = await act('Issuing an identity', () => ask<Issued>('POST', URL_OF, { json }));
    if (made === undefined) return;
    setIssuing(false);
    setIssued(made);
    live.refresh();
  };
  const columns: readonly Column<Identity>[] = [
    { head: 'Identity', cell: ({ id }) => id, value: ({ id }) => id },
    { head: 'Issued to', cell: ({ issuedTo }) => issuedTo, value: ({ issuedTo }) => issuedTo },
    {
      head: 'May use',
      cell: (row) => `${row.rights.join(', ')}: ${limitText(row) || 'every key'}`,
      value: (row) => limitText(row),
    },
    {
      head: 'Computers',
      cell: ({ maxMachines, machines = [] }) =>
        maxMachines === undefined ? (
          'any'
        ) : (
          <span title={machines.map(({ machine }) => machine).join(', ')}>{`${machines.length} of ${maxMachines}`}</span>
        ),
      value: ({ machines = [] }) => machines.length,
    },
    { head: 'Since', cell: ({ since }) => <Moment at={since} />, value: ({ since }) => since },
    {
      head: 'Expires',
      cell: ({ expires }) => (expires === undefined ? 'never' : <Moment at={expires} />),
      value: ({ expires }) => expires ?? '~',
    },
    {
      head: 'Last used',
      cell: ({ lastUsed }) => (lastUsed === undefined ? 'never' : <Moment at={lastUsed} />),
      value: ({ lastUsed }) => lastUsed ?? '',
    },
    {
      head: 'State',
      cell: ({ state }) => <Badge kind={state === 'enabled' ? 'good' : 'bad'}>{STATES[state]}</Badge>,
      value: ({ state }) => state,
    },
    {
      head: 'Action',
      bare: true,
      cell: (row) => (
        <span class="actions">
          <button
            type="button"
            class="secondary small"
            disabled={!rights.configure}
            onClick={() => void change(row.disabled ? 'Enabling' : 'Disabling', 'PUT', row, { disabled: !row.disabled })}
          >
            {row.disabled ? 'Enable' : 'Disable'}
          </button>
          <button type="button" class="secondary small" disabled={!rights.configure} onClick={() => setChanging(row)}>
            Change …
          </button>
          <button type="button" class="secondary small" disabled={!rights.configure} onClick={() => setRemoving(row)}>
            Remove …
          </button>
        </span>
      ),
    },
  ];
  if (value === undefined && problem === undefined) return <Waiting />;
  return (
    <section>
      <h2>Identities</h2>
      <p>Clients of the REST licensing API come with an identity and its secret.</p>
      {problem === undefined ? null : <ProblemNotice problem={problem} />}
      {value === undefined ? null : (
        <DataTable
          caption="Identities"
          columns={columns}
          rows={value}
          keyOf={({ id }) => id}
          empty={<Empty title="No identity was issued yet.">Only clients of the REST licensing API need one.</Empty>}
        />
      )}
      <button type="button" class="secondary small" disabled={!rights.configure} onClick={() => setIssuing(true)}>
        Issue an identity …
      </button>
      {issuing ? <IdentityDialog onClose={() => setIssuing(false)} onSubmit={(wish) => void issue(wish)} /> : null}
      {changing === undefined ? null : (
        <IdentityDialog
          of={changing}
          onClose={() => setChanging(undefined)}
          onSubmit={(wish) => {
            setChanging(undefined);
            void change('Changing', 'PUT', changing, wish);
          }}
        />
      )}
      {issued === undefined ? null : (
        <Dialog title="The secret, this once" onClose={() => setIssued(undefined)}>
          <p>Give both to {issued.identity.issuedTo}. The secret is not told again.</p>
          <pre tabIndex={0} aria-label="Identity and secret">
            <code>{`${issued.identity.id}\n${issued.secret}`}</code>
          </pre>
          <footer>
            <button type="button" onClick={() => setIssued(undefined)}>
              Done
            </button>
          </footer>
        </Dialog>
      )}
      {removing === undefined ? null : (
        <Confirm
          title="Remove this identity?"
          action="Remove"
          onYes={() => void change('Removing', 'DELETE', removing)}
          onClose={() => setRemoving(undefined)}
        >
          <p>
            {removing.id}, issued to {removing.issuedTo}: its sessions end at once.
          </p>
        </Confirm>
      )}
    </section>
  );
};
