import { useState } from 'preact/hooks';
import { askText } from '../../api/http.ts';
import { useApp } from '../../app-context.ts';
import { download } from '../../ui/download.ts';
import { DataTable } from '../../ui/table.tsx';

type Flow = {
  readonly direction: 'in' | 'out';
  readonly transport: string;
  readonly kinds: readonly string[];
  readonly interface?: string;
  readonly remote: readonly string[];
  readonly localPort?: number;
  readonly remotePort?: number;
  readonly reply?: true;
  readonly every?: string;
  readonly reason: string;
};
export type Plan = { readonly flows: readonly Flow[]; readonly remarks: readonly string[] };

const formats = [
  ['nftables', 'nftables', 'keyhaven.nft'],
  ['ufw', 'ufw', 'keyhaven-ufw.sh'],
  ['windows', 'Windows', 'keyhaven-firewall.ps1'],
] as const;

/** What the present settings send and receive, and the firewall rules for it. */
export const Firewall = ({ plan }: { readonly plan: Plan }) => {
  const { act } = useApp();
  const [rules, setRules] = useState<{ readonly text: string; readonly name: string; readonly file: string }>();
  const show = async (format: string, name: string, file: string): Promise<void> => {
    const text = await act('Writing the rules', () => askText('GET', `/api/v1/network/rules?format=${format}`));
    if (text !== undefined) setRules({ text, name, file });
  };
  return (
    <section>
      <h2>What it sends and receives, and firewall rules</h2>
      <details>
        <summary>With the present settings: {plan.flows.length} kinds of traffic</summary>
        <DataTable
          caption="Traffic of the present settings"
          columns={[
            { head: 'Direction', cell: ({ direction }: Flow) => direction, value: ({ direction }) => direction },
            { head: 'Protocol', cell: ({ transport }: Flow) => transport.toUpperCase(), value: ({ transport }) => transport },
            {
              head: 'Here',
              cell: (flow: Flow) => [flow.interface ?? 'any', flow.localPort].filter((each) => each !== undefined).join(' port '),
            },
            {
              head: 'There',
              cell: (flow: Flow) =>
                `${flow.remote.length === 0 ? 'any' : flow.remote.join(', ')}${flow.remotePort === undefined ? '' : ` port ${flow.remotePort}`}`,
            },
            { head: 'Why', cell: (flow: Flow) => `${flow.reason}${flow.every === undefined ? '' : `; every ${flow.every}`}` },
          ]}
          rows={plan.flows}
          keyOf={(flow) => JSON.stringify(flow)}
          empty={<p>Nothing.</p>}
        />
        {plan.remarks.map((remark) => (
          <p key={remark}>{remark}</p>
        ))}
      </details>
      <p class="actions">
        {formats.map(([format, name, file]) => (
          <button key={format} type="button" class="secondary small" onClick={() => void show(format, name, file)}>
            Rules for {name}
          </button>
        ))}
      </p>
      {rules === undefined ? null : (
        <>
          <pre tabIndex={0} aria-label={`Firewall rules for ${rules.name}`}>
            <code>{rules.text}</code>
          </pre>
          <button type="button" class="small" onClick={() => download(rules.file, rules.text)}>
            Save {rules.file}
          </button>
        </>
      )}
    </section>
  );
};
