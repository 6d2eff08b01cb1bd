import type { KeyInfo } from '@keyhaven/core/admin';
import { useState } from 'preact/hooks';
import { askText } from '../api/http.ts';
import { useApp, useLive } from '../app-context.ts';
import { linkTo } from '../router.ts';
import { Moment } from '../ui/bits.tsx';
import { Confirm, Dialog } from '../ui/dialog.tsx';
import { download } from '../ui/download.ts';
import { FileField } from '../ui/file-field.tsx';
import { sayBytes } from '../ui/format.ts';
import { Empty, ProblemNotice, Waiting } from '../ui/notice.tsx';
import { DataTable } from '../ui/table.tsx';
import { Facts } from './about.tsx';
import { KeyState } from './keys.tsx';
import type { Paged } from './overview.tsx';

// One key: what it is, and what can be done with it.

type Lent = {
  readonly key: string;
  readonly recipient: string;
  readonly product: number;
  readonly seats: number;
  readonly from: string;
  readonly until: string;
  readonly host: string;
  readonly guid: string;
  readonly sequence: number;
};

const MoveDialog = ({ id, onClose }: { readonly id: string; readonly onClose: () => void }) => {
  const { act, tell, live } = useApp();
  const [recipient, setRecipient] = useState<string>();
  const move = async (): Promise<void> => {
    const file = await act('Moving the key', () => askText('POST', '/api/v1/rehost', { json: { key: id, recipient } }));
    if (file === undefined) return;
    download(`moved-${id}.h2h`, file);
    tell({ kind: 'good', text: 'The key is no more on this computer. Apply the H2H file on the other one; keep it until that is done.' });
    onClose();
    live.refresh();
  };
  return (
    <Dialog title="Move the key to another computer" onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void move();
        }}
      >
        <p>The key leaves this computer at once. The file that you get is the only way for it to come to the other one.</p>
        <FileField label="ID file of the other computer" help="There: Diagnostics, Save ID file." onText={setRecipient} />
        <footer>
          <button type="button" class="secondary" onClick={onClose}>
            Cancel
          </button>
          <button type="submit" disabled={recipient === undefined}>
            Move
          </button>
        </footer>
      </form>
    </Dialog>
  );
};

const Actions = ({ id }: { readonly id: string }) => {
  const { rights, act, tell, live } = useApp();
  const [open, setOpen] = useState<'move' | 'return'>();
  const c2v = async (): Promise<void> => {
    const file = await act('Reading the key', () => askText('POST', '/api/v1/c2v', { json: { key: id } }));
    if (file !== undefined) download(`${id}.c2v`, file);
  };
  const idFile = async (): Promise<void> => {
    const file = await act('Making the ID file', () => askText('POST', '/api/v1/recipient', { json: { key: id } }));
    if (file !== undefined) download(`${id}.id`, file);
  };
  const giveBack = async (): Promise<void> => {
    const file = await act('Returning', () => askText('POST', '/api/v1/return', { json: { key: id } }));
    if (file === undefined) return;
    download(`returned-${id}.r2h`, file);
    tell({ kind: 'good', text: 'The license is given back. Apply the R2H file where it came from; keep it until that is done.' });
    live.refresh();
  };
  const disabled = !rights.write;
  return (
    <>
      <p class="actions">
        <button type="button" class="small" disabled={disabled} onClick={() => void c2v()}>
          Save C2V
        </button>
        <button type="button" class="secondary small" disabled={disabled} onClick={() => setOpen('return')}>
          Return lent license …
        </button>
        <button type="button" class="secondary small" disabled={disabled} onClick={() => void idFile()}>
          Save ID to extend lent license
        </button>
        <button type="button" class="secondary small" disabled={disabled} onClick={() => setOpen('move')}>
          Move to another computer …
        </button>
      </p>
      {open === 'move' ? <MoveDialog id={id} onClose={() => setOpen(undefined)} /> : null}
      {open === 'return' ? (
        <Confirm title="Return the license now?" action="Return" onYes={() => void giveBack()} onClose={() => setOpen(undefined)}>
          <p>For a key that was lent to this computer: it ends here at once, and the R2H file brings it back to where it came from.</p>
        </Confirm>
      ) : null}
    </>
  );
};

export const KeyPage = ({ id }: { readonly id: string }) => {
  const { value, problem } = useLive<Paged<KeyInfo>>(`/api/v1/list/keys?q=${encodeURIComponent(id)}&limit=50`, 'keys');
  const lent = useLive<readonly Lent[]>('/api/v1/detached', 'keys');
  if (value === undefined) return problem === undefined ? <Waiting /> : <ProblemNotice problem={problem} />;
  const found = value.items.filter(({ key }) => key === id);
  const key = found.find(({ local }) => local) ?? found[0];
  if (key === undefined)
    return (
      <Empty title={`The key ${id} is not here, and nobody on the network has it.`}>
        See <a href={linkTo('keys')}>all keys</a>.
      </Empty>
    );
  const copies = lent.value?.filter((each) => each.key === id) ?? [];
  return (
    <>
      <p>
        <KeyState of={key} />
      </p>
      <Facts
        caption="The key"
        facts={[
          ['Key', key.key],
          ['Vendor', String(key.vendor)],
          ['Type', key.type],
          ['Location', key.local ? 'This computer' : `${key.licenseManager.hostname} (${key.licenseManager.address})`],
          ['Updates', String(key.updateCounter)],
        ]}
      />
      <p class="actions">
        <a href={linkTo('products', { key: id })}>Products</a>
        <a href={linkTo('features', { key: id })}>Features</a>
        <a href={linkTo('sessions', { key: id })}>Sessions</a>
      </p>
      {key.local ? <Actions id={id} /> : null}
      {copies.length === 0 ? null : (
        <section>
          <h2>Lent to other computers</h2>
          <DataTable
            caption="Lent to other computers"
            columns={[
              { head: 'Computer', cell: ({ host, guid }: Lent) => <span title={guid}>{host}</span> },
              { head: 'Product', cell: ({ product }: Lent) => product, numeric: true },
              { head: 'Seats', cell: ({ seats }: Lent) => seats, numeric: true },
              { head: 'From', cell: ({ from }: Lent) => <Moment at={from} /> },
              { head: 'Until', cell: ({ until }: Lent) => <Moment at={until} /> },
            ]}
            rows={copies}
            keyOf={({ recipient, sequence }: Lent) => `${recipient} ${sequence}`}
            empty={null}
          />
        </section>
      )}
      {key.memory === undefined || key.memory.length === 0 ? null : (
        <section>
          <h2>Memory files</h2>
          <DataTable
            caption="Memory files"
            columns={[
              { head: 'File', cell: ({ file }) => file, numeric: true },
              { head: 'Size', cell: ({ size }) => sayBytes(size), numeric: true },
              { head: 'Access', cell: ({ access }) => ({ ro: 'read only', rw: 'read and write', rwo: 'write once' })[access] },
            ]}
            rows={key.memory}
            keyOf={({ file }) => String(file)}
            empty={null}
          />
        </section>
      )}
    </>
  );
};
