import type { KeyInfo } from '@keyhaven/core/admin';
import { useState } from 'preact/hooks';
import { askText } from '../api/http.ts';
import { useApp } from '../app-context.ts';
import { Dialog } from '../ui/dialog.tsx';

// What tells this key from others for people: its name, and its light where it has one that can blink (K7).

/** As the admin API has it. */
const LONGEST = 80;

const NameDialog = ({ of: { key, name = '' }, onClose }: { readonly of: KeyInfo; readonly onClose: () => void }) => {
  const { act, tell, live } = useApp();
  const [wanted, setWanted] = useState(name);
  const save = async (): Promise<void> => {
    const done = await act('Naming the key', () => askText('PUT', `/api/v1/keys/${key}/name`, { json: { name: wanted } }));
    if (done === undefined) return;
    tell({ kind: 'good', text: wanted.trim() === '' ? 'The key has no name now.' : 'The key has its name.' });
    onClose();
    live.refresh();
  };
  return (
    <Dialog title="Name the key" onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void save();
        }}
      >
        <label>
          Name
          <input type="text" maxLength={LONGEST} value={wanted} onInput={({ currentTarget }) => setWanted(currentTarget.value)} />
          <small>Seen by those who administer this computer. Leave it empty to take the name away.</small>
        </label>
        <footer>
          <button type="button" class="secondary" onClick={onClose}>
            Cancel
          </button>
          <button type="submit">Save</button>
        </footer>
      </form>
    </Dialog>
  );
};

export const NameButton = ({ of }: { readonly of: KeyInfo }) => {
  const { rights } = useApp();
  const [naming, setNaming] = useState(false);
  return (
    <>
      <button type="button" class="secondary small" disabled={!rights.write} onClick={() => setNaming(true)}>
        {of.name === undefined ? 'Name …' : 'Rename …'}
      </button>
      {naming ? <NameDialog of={of} onClose={() => setNaming(false)} /> : null}
    </>
  );
};

export const BlinkButton = ({ of: { key, blinking } }: { readonly of: KeyInfo }) => {
  const { act, live, rights } = useApp();
  const blink = async (): Promise<void> => {
    const done = await act('Asking the key', () => askText('POST', `/api/v1/keys/${key}/blink`, { json: { on: blinking !== true } }));
    if (done !== undefined) live.refresh();
  };
  return blinking === undefined ? null : (
    <button type="button" class="secondary small" disabled={!rights.write} onClick={() => void blink()}>
      {blinking ? 'Blink off' : 'Blink on'}
    </button>
  );
};
