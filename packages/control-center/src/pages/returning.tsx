import { useApp } from '../app-context.ts';
import { Moment } from '../ui/bits.tsx';
import { DataTable } from '../ui/table.tsx';
import { useKeyFiles } from './key-files.ts';
import type { Returning } from './lent-here.ts';

const SaveR2h = ({ of: { key } }: { readonly of: Returning }) => {
  const { rights } = useApp();
  const { r2h } = useKeyFiles(key);
  return (
    <button type="button" class="secondary small" disabled={!rights.write} aria-label={`Save R2H of key ${key}`} onClick={() => void r2h()}>
      Save R2H
    </button>
  );
};

const nameOf = ({ licenseManager: { hostname, guid } }: Returning): string => hostname ?? guid;

/** Licenses that are given back and whose owners do not know it yet. */
export const ReturningSection = ({ returns }: { readonly returns: readonly Returning[] }) =>
  returns.length === 0 ? null : (
    <section>
      <h2>Given back, and not yet told</h2>
      <p>
        These licenses are no more on this computer. Whoever lent them was out of reach, and is told by itself as soon as it is back. If you
        cannot wait, save the R2H file and apply it there.
      </p>
      <DataTable
        caption="Given back, and not yet told"
        columns={[
          { head: 'Owner', room: 'roomy', cell: (each: Returning) => <span title={each.licenseManager.guid}>{nameOf(each)}</span> },
          { head: 'Product', cell: ({ product }: Returning) => product },
          { head: 'Key', cell: ({ key }: Returning) => <span class="id">{key}</span> },
          { head: 'Given back', cell: ({ since }: Returning) => <Moment at={since} /> },
          { head: 'Would have ended', cell: ({ until }: Returning) => <Moment at={until} /> },
          { head: 'Last attempt', room: 'roomy', cell: ({ lastFault }: Returning) => lastFault ?? 'None yet' },
          { head: 'Action', bare: true, cell: (each: Returning) => <SaveR2h of={each} /> },
        ]}
        rows={returns}
        keyOf={({ key }: Returning) => key}
        empty={null}
      />
    </section>
  );
