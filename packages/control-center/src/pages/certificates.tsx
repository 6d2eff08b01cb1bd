import type { CertificateLink, CertifiedFeature } from '@keyhaven/core/admin';
import { useState } from 'preact/hooks';
import { useLive } from '../app-context.ts';
import { KeyLink, Moment, sayType } from '../ui/bits.tsx';
import { Dialog } from '../ui/dialog.tsx';
import { download } from '../ui/download.ts';
import { sayCertified, sayLimit } from '../ui/format.ts';
import { Badge, Empty, ProblemNotice, Waiting } from '../ui/notice.tsx';
import { type Column, DataTable } from '../ui/table.tsx';
import { type Fact, Facts } from './about.tsx';

// "Certificates" of a key of this computer (field-facts 2.1): who says what it may do, from its vendor down, and whether each signature holds.

type KeyCertificates = {
  readonly key: string;
  readonly vendor: number;
  readonly vendorFingerprint: string;
  readonly links: readonly CertificateLink[];
};
type Row = CertifiedFeature & { readonly product: number; readonly productName: string };

const TITLES: Readonly<Record<CertificateLink['kind'], string>> = {
  vendor: 'The vendor licensed a key',
  delegation: 'That key lent a product',
  trial: 'The vendor issued a trial license',
  legacy: 'The vendor issued a license for this computer',
  key: 'The key says that it belongs to it',
};
const rightsOf = ({ network, remoteDesktop, virtualMachine, detachable }: CertifiedFeature): string =>
  [
    ...(network ? ['network'] : []),
    ...(remoteDesktop ? ['remote desktop'] : []),
    ...(virtualMachine ? ['virtual machine'] : []),
    ...(detachable ? ['detaching'] : []),
  ].join(', ') || 'use at its computer only';

const columns: readonly Column<Row>[] = [
  { head: 'Product', cell: ({ product, productName }) => `${productName} (${product})` },
  { head: 'Feature', cell: ({ feature, name }) => `${name} (${feature})` },
  { head: 'License', cell: ({ license }) => sayCertified(license) },
  { head: 'Seats', numeric: true, cell: ({ seats, count }) => (seats === null ? sayLimit(seats) : `${sayLimit(seats)} per ${count}`) },
  { head: 'Allowed', cell: (row) => rightsOf(row) },
];

const factsOf = ({ signer, key, type, fingerprint, issued, until, counter, kind }: CertificateLink): readonly Fact[] => [
  [
    'Signed by',
    <>
      {signer.vendor === undefined ? <KeyLink id={signer.key ?? ''} /> : `Vendor ${signer.vendor}`}, <code>{signer.fingerprint}</code>
    </>,
  ],
  ...(key === undefined || kind === 'key'
    ? []
    : ([
        [
          'For key',
          <>
            <KeyLink id={key} />
            {type === undefined ? '' : ` (${sayType(type)})`}, <code>{fingerprint}</code>
          </>,
        ],
      ] as const)),
  ...(issued === undefined ? [] : ([[kind === 'delegation' ? 'From' : 'Issued', <Moment key="from" at={issued} />]] as const)),
  ...(until === undefined ? [] : ([['Until', <Moment key="until" at={until} />]] as const)),
  ...(counter === undefined ? [] : ([[kind === 'delegation' ? 'Number' : 'Version', String(counter)]] as const)),
];

const Link = ({ of, place }: { readonly of: CertificateLink; readonly place: number }) => {
  const rows = of.products.flatMap(({ product, name, features }) => features.map((each) => ({ ...each, product, productName: name })));
  const title = `${place}. ${TITLES[of.kind]}`;
  return (
    <section>
      <h3>
        {title} {of.signatureHolds ? <Badge kind="good">Signature holds</Badge> : <Badge kind="bad">Signature does not hold</Badge>}
      </h3>
      {of.fault === null ? null : <p>{of.fault} It counts for nothing: ask whoever gave the license for a new file.</p>}
      <Facts caption={title} facts={factsOf(of)} />
      {rows.length === 0 ? null : (
        <DataTable
          caption={`Certified in ${place}`}
          columns={columns}
          rows={rows}
          keyOf={({ product, feature }) => `${product} ${feature}`}
          empty={null}
        />
      )}
    </section>
  );
};

const CertificatesDialog = ({ id, onClose }: { readonly id: string; readonly onClose: () => void }) => {
  const { value, problem } = useLive<KeyCertificates>(`/api/v1/keys/${id}/certificate`, 'keys');
  const links = value?.links ?? [];
  return (
    <Dialog title={`Certificates of key ${id}`} wide onClose={onClose}>
      {problem === undefined ? null : <ProblemNotice problem={problem} />}
      {value === undefined ? (
        problem === undefined ? (
          <Waiting />
        ) : null
      ) : links.length === 0 ? (
        <Empty title="Nothing is certified of this key.">
          It has no license yet, or one that does not open: apply a license file of its vendor.
        </Empty>
      ) : (
        <>
          <p>
            Whoever signs is told by the fingerprint of the public key. Ask vendor {value.vendor} whether this is theirs:{' '}
            <code>{value.vendorFingerprint}</code>
          </p>
          {links.map((each, index) => (
            <Link key={each.document} of={each} place={index + 1} />
          ))}
        </>
      )}
      <footer>
        {links.length === 0 ? null : (
          <button
            type="button"
            class="secondary"
            onClick={() => download(`certificates-${id}.txt`, links.map(({ document: text }) => text).join(''))}
          >
            Save as file
          </button>
        )}
        <button type="button" onClick={onClose}>
          Close
        </button>
      </footer>
    </Dialog>
  );
};

export const CertificatesButton = ({ id, label }: { readonly id: string; readonly label?: string }) => {
  const [open, setOpen] = useState(false);
  return (
    <>
      <button type="button" class="secondary small" aria-label={label} onClick={() => setOpen(true)}>
        Certificates
      </button>
      {open ? <CertificatesDialog id={id} onClose={() => setOpen(false)} /> : null}
    </>
  );
};
