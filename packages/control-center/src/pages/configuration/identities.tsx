import { useState } from 'preact/hooks';
import { ask } from '../../api/http.ts';
import { useApp, useLive } from '../../app-context.ts';
import { Moment } from '../../ui/bits.tsx';
import { Confirm, Dialog } from '../../ui/dialog.tsx';
import { Badge, Empty, ProblemNotice } from '../../ui/notice.tsx';
import { type Column, DataTable } from '../../ui/table.tsx';

// Identities of clients of the REST licensing API (C6).

type Identity = {
  readonly id: string;
  readonly issuedTo: string;
  readonly rights: readonly string[];
  readonly limitTo?: readonly { readonly key: string; readonly product?: number }[];
  readonly expires?: string;
  readonly disabled: boolean;
  readonly since: string;
};
type Issued = { readonly identity: Identity; readonly secret: string };

const URL_OF = '/api/v1/identities';

const IssueDialog = ({ onClose, onIssued }: { readonly onClose: () => void; readonly onIssued: (issued: Issued) => void }) => {
  const { act } = useApp();
  const [issuedTo, setIssuedTo] = useState('');
  const [expires, setExpires] = useState('');
  const issue = async (): Promise<void> => {
    const wish = { issuedTo, ...(expires === '' ? {} : { expires: new Date(`${expires}T23:59:59Z`).toISOString() }) };
    const issued = await act('Issuing an identity', () => ask<Issued>('POST', URL_OF, { json: wish }));
    if (issued !== undefined) onIssued(issued);
  };
  return (
    <Dialog title="Issue an identity" onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void issue();
        }}
      >
        <label>
          Issued to
          <input type="text" required maxLength={200} value={issuedTo} onInput={({ currentTarget }) => setIssuedTo(currentTarget.value)} />
        </label>
        <label>
          Expires at the end of
          <input type="date" value={expires} onInput={({ currentTarget }) => setExpires(currentTarget.value)} />
          <small>Empty: never.</small>
        </label>
        <footer>
          <button type="button" class="secondary" onClick={onClose}>
            Cancel
          </button>
          <button type="submit">Issue</button>
        </footer>
      </form>
    </Dialog>
  );
};

export const Identities = () => {
  const { rights, act, tell, live } = useApp();
  const { value, problem } = useLive<readonly Identity[]>(URL_OF, 'settings');
  const [issuing, setIssuing] = useState(false);
  const [issued, setIssued] = useState<Issued>();
  const [removing, setRemoving] = useState<Identity>();
  const change = async (what: string, method: string, { id }: Identity, json?: object): Promise<void> => {
    const done = await act(what, () => ask(method, `${URL_OF}/${encodeURIComponent(id)}`, json === undefined ? undefined : { json }));
    if (done === undefined) return;
    tell({ kind: 'good', text: 'Done.' });
    live.refresh();
  };
  const columns: readonly Column<Identity>[] = [
    { head: 'Identity', cell: ({ id }) => id, value: ({ id }) => id },
    { head: 'Issued to', cell: ({ issuedTo }) => issuedTo, value: ({ issuedTo }) => issuedTo },
    { head: 'Since', cell: ({ since }) => <Moment at={since} />, value: ({ since }) => since },
    {
      head: 'Expires',
      cell: ({ expires }) => (expires === undefined ? 'never' : <Moment at={expires} />),
      value: ({ expires }) => expires ?? '~',
    },
    { head: 'State', cell: ({ disabled }) => (disabled ? <Badge kind="bad">Disabled</Badge> : <Badge kind="good">Enabled</Badge>) },
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
          <button type="button" class="secondary small" disabled={!rights.configure} onClick={() => setRemoving(row)}>
            Remove …
          </button>
        </span>
      ),
    },
  ];
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
      {issuing ? (
        <IssueDialog
          onClose={() => setIssuing(false)}
          onIssued={(made) => {
            setIssuing(false);
            setIssued(made);
            live.refresh();
          }}
        />
      ) : null}
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
