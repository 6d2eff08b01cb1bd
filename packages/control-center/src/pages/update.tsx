import { useRef, useState } from 'preact/hooks';
import { askText } from '../api/http.ts';
import { useApp } from '../app-context.ts';
import type { Handed } from '../apply-files.ts';
import { linkTo } from '../router.ts';
import { KeyLink } from '../ui/bits.tsx';
import { download } from '../ui/download.ts';
import { sayBytes } from '../ui/format.ts';
import { Badge, ProblemNotice } from '../ui/notice.tsx';

const Applied = ({ of }: { readonly of: Handed & { readonly state: 'applied' } }) => {
  const { key, updateCounter, ack, updates } = of.result;
  return (
    <>
      <p>
        <Badge kind="good">Applied</Badge> Key <KeyLink id={key} /> is at update {updateCounter}.{' '}
        <a href={linkTo('features', { key })}>Its features</a>
      </p>
      {updates === undefined ? null : (
        <ul>
          {updates.map((each) => (
            <li key={`${each.key} ${each.updates}`}>
              Key {each.key}, update {each.updates}: {each.status === 0 ? 'applied' : `${each.name ?? each.status}. ${each.detail ?? ''}`}
            </li>
          ))}
        </ul>
      )}
      {ack === undefined ? null : (
        <p>
          The vendor asked for an acknowledgement.{' '}
          <button type="button" class="secondary small" onClick={() => download(`${key}-ack.c2v`, ack)}>
            Save it
          </button>{' '}
          and send it to him.
        </p>
      )}
    </>
  );
};

const HandedFile = ({ of }: { readonly of: Handed }) => (
  <li class="handed">
    <p>
      <strong class="name">{of.name}</strong> <span class="quiet">{sayBytes(of.size)}</span>
    </p>
    {of.state === 'waiting' ? (
      <progress aria-label={`Applying ${of.name}`} />
    ) : of.state === 'applied' ? (
      <Applied of={of} />
    ) : of.state === 'recipient' ? (
      <p>
        This is the ID of another computer. To lend it a license, choose Detach at one of the <a href={linkTo('products')}>products</a> and
        give this file there; to move a whole key, open the <a href={linkTo('keys')}>key</a>.
      </p>
    ) : (
      <ProblemNotice problem={of.problem} />
    )}
  </li>
);

const FirstKey = () => {
  const { rights, act, tell } = useApp();
  const [vendorCode, setCode] = useState('');
  const make = async (path: 'c2v' | 'fingerprint', name: string): Promise<void> => {
    const file = await act('Asking for the file', () => askText('POST', `/api/v1/${path}`, { json: { vendorCode: vendorCode.trim() } }));
    if (file === undefined) return;
    download(name, file);
    tell({ kind: 'good', text: `${name} is saved. Send it to the vendor; the license comes back as a V2C file.` });
  };
  return (
    <section>
      <h2>A first key for a vendor</h2>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void make('c2v', 'key.c2v');
        }}
      >
        <label>
          Vendor code
          <textarea
            required
            rows={2}
            maxLength={200}
            value={vendorCode}
            spellcheck={false}
            onInput={({ currentTarget }) => setCode(currentTarget.value)}
          />
          <small>The vendor of your software has it. It says who he is; it is no secret.</small>
        </label>
        <p class="actions">
          <button type="submit" disabled={!rights.write || vendorCode.trim() === ''}>
            Save key.c2v
          </button>
          <button
            type="button"
            class="secondary"
            disabled={!rights.write || vendorCode.trim() === ''}
            onClick={() => void make('fingerprint', 'fingerprint.xml')}
          >
            Save the fingerprint only
          </button>
        </p>
      </form>
    </section>
  );
};

export const UpdatePage = ({ handed }: { readonly handed: readonly Handed[] }) => {
  const { take, rights } = useApp();
  const input = useRef<HTMLInputElement>(null);
  return (
    <>
      <section class="drop">
        <p>
          <strong>Drop license files here, or on any page.</strong>
        </p>
        <p>V2C and V2CP from the vendor, H2R of a lent license, R2H of one that comes back, H2H of a key that moves here.</p>
        <p>
          <label class="unseen" for="files">
            License files
          </label>
          <input
            id="files"
            ref={input}
            type="file"
            multiple
            disabled={!rights.write}
            onChange={({ currentTarget }) => {
              take([...(currentTarget.files ?? [])]);
              currentTarget.value = '';
            }}
          />
        </p>
      </section>
      <div aria-live="polite">
        {handed.length === 0 ? null : (
          <ul class="plain-list">
            {handed.map((each) => (
              <HandedFile key={each.id} of={each} />
            ))}
          </ul>
        )}
      </div>
      <FirstKey />
    </>
  );
};
