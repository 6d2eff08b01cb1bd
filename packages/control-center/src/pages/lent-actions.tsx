import { useState } from 'preact/hooks';
import { useApp } from '../app-context.ts';
import { Confirm } from '../ui/dialog.tsx';
import { useKeyFiles } from './key-files.ts';

/** Of a license that is lent to this computer: give it back before its end (cancel), or ask its owner for more time (extend). */
export const LentActions = ({ id }: { readonly id: string }) => {
  const { rights } = useApp();
  const { idFile, giveBack } = useKeyFiles(id);
  const [asking, setAsking] = useState(false);
  return (
    <>
      <button
        type="button"
        class="secondary small"
        disabled={!rights.write}
        aria-label="Return lent license …"
        onClick={() => setAsking(true)}
      >
        Return …
      </button>{' '}
      <button
        type="button"
        class="secondary small"
        disabled={!rights.write}
        aria-label="Save ID to extend lent license"
        title="Its owner makes its time longer with this file: Products, Detach"
        onClick={() => void idFile()}
      >
        Extend
      </button>
      {asking ? (
        <Confirm title="Return the license now?" action="Return" onYes={() => void giveBack()} onClose={() => setAsking(false)}>
          <p>It ends on this computer at once, and the R2H file brings it back to where it came from.</p>
        </Confirm>
      ) : null}
    </>
  );
};
