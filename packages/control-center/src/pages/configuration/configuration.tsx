import { useEffect, useState } from 'preact/hooks';
import { ask } from '../../api/http.ts';
import { useApp, useLive } from '../../app-context.ts';
import { linkTo } from '../../router.ts';
import { Confirm } from '../../ui/dialog.tsx';
import { ProblemNotice, Waiting } from '../../ui/notice.tsx';
import { Field } from './field.tsx';
import { grouped, type Setting, type SettingsAnswer, type TabName, tabOf, tabs, type Value } from './fields.ts';
import { Identities } from './identities.tsx';
import { PasswordSection } from './password.tsx';
import { Recent } from './recent.tsx';

const isTab = (name: string | null): name is TabName => tabs.some((tab) => tab.name === name);
const same = (a: Value, b: Value): boolean => JSON.stringify(a) === JSON.stringify(b);

type Edited = ReadonlyMap<string, Value>;

const Tabs = ({ at, unsaved }: { readonly at: TabName; readonly unsaved: ReadonlySet<TabName> }) => (
  <nav class="tabs" aria-label="Parts of the configuration">
    <ul>
      {tabs.map(({ name, title }) => (
        <li key={name}>
          <a href={linkTo('configuration', { tab: name })} aria-current={at === name ? 'page' : undefined}>
            {title}
            {unsaved.has(name) ? <span title="Not saved yet"> •</span> : null}
          </a>
        </li>
      ))}
    </ul>
  </nav>
);

const Editor = ({
  answer,
  tab,
  edited,
  setEdited,
  onSaved,
}: {
  readonly answer: SettingsAnswer;
  readonly tab: TabName;
  readonly edited: Edited;
  readonly setEdited: (edited: Edited) => void;
  readonly onSaved: () => void;
}) => {
  const { rights, act, tell } = useApp();
  const [resetting, setResetting] = useState(false);
  const shown = answer.settings.filter(({ path }) => tabOf(path) === tab);
  const changed = shown.filter((each) => edited.has(each.path) && !same(edited.get(each.path) ?? null, each.value));
  const mayChange = ({ widens, source }: Setting): boolean =>
    answer.writable && rights.configure && source !== 'command line' && (!widens || rights.widen);
  const save = async (settings: Readonly<Record<string, Value>>): Promise<void> => {
    const done = await act('Saving', () =>
      ask<{ readonly now: readonly string[]; readonly restart: readonly string[] }>('PUT', '/api/v1/settings', { json: { settings } }),
    );
    if (done === undefined) return;
    setEdited(without(edited, tab));
    const later = done.restart.length === 0 ? '' : ` After a restart of the license manager: ${done.restart.join(', ')}.`;
    tell({ kind: 'good', text: `Saved.${later}` });
    onSaved();
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        void save(Object.fromEntries(changed.map(({ path }) => [path, edited.get(path) ?? null])));
      }}
    >
      {grouped(shown).map(([title, settings]) => (
        <section key={title}>
          {title === '' ? null : <h2>{title}</h2>}
          {settings.map((setting) => (
            <Field
              key={setting.path}
              setting={setting}
              value={edited.has(setting.path) ? (edited.get(setting.path) ?? null) : setting.value}
              disabled={!mayChange(setting)}
              onChange={(value) => setEdited(new Map([...edited, [setting.path, value]]))}
            />
          ))}
        </section>
      ))}
      <p class="actions save">
        <button type="submit" disabled={changed.length === 0}>
          Save
        </button>
        <button type="button" class="secondary" disabled={changed.length === 0} onClick={() => setEdited(without(edited, tab))}>
          Cancel
        </button>
        <button
          type="button"
          class="secondary"
          disabled={!shown.some((each) => each.source === 'file' && mayChange(each))}
          onClick={() => setResetting(true)}
        >
          Set Defaults
        </button>
      </p>
      {resetting ? (
        <Confirm
          title="Set the defaults?"
          action="Set Defaults"
          onYes={() =>
            void save(Object.fromEntries(shown.filter((each) => each.source === 'file' && mayChange(each)).map(({ path }) => [path, null])))
          }
          onClose={() => setResetting(false)}
        >
          <p>The settings of this part are taken out of the file, so that their defaults hold.</p>
        </Confirm>
      ) : null}
    </form>
  );
};

const without = (edited: Edited, tab: TabName): Edited => new Map([...edited].filter(([path]) => tabOf(path) !== tab));

const Notes = ({ answer }: { readonly answer: SettingsAnswer }) => {
  const { rights } = useApp();
  return (
    <>
      {answer.fault === null ? null : (
        <div class="notice bad" role="alert">
          <p>The file has a fault, so what held before holds on: {answer.fault}</p>
        </div>
      )}
      {answer.file === null ? (
        <p class="notice busy">
          This license manager was started without a file of settings, so nothing can be changed here. Start it with --config and the name
          of a file that ends with .ini; it is made with the first change.
        </p>
      ) : answer.writable ? (
        <p class="quiet">
          Kept in <code>{answer.file}</code>.
        </p>
      ) : (
        <div class="notice busy">
          <p>
            <code>{answer.file}</code> is TOML, which is not rewritten: change it in an editor. The license manager takes changes over by
            itself.
          </p>
        </div>
      )}
      {rights.configure ? null : <p class="notice busy">To change settings, log in as the administrator.</p>}
      {rights.configure && !rights.widen ? (
        <p class="notice busy">What widens access is changed on the computer of the license manager only.</p>
      ) : null}
      {answer.notes.length === 0 ? null : (
        <details>
          <summary>Remarks on the file ({answer.notes.length})</summary>
          <ul>
            {answer.notes.map(({ line, text }) => (
              <li key={`${line} ${text}`}>
                Line {line}: {text}
              </li>
            ))}
          </ul>
        </details>
      )}
    </>
  );
};

export const ConfigurationPage = ({ query }: { readonly query: URLSearchParams }) => {
  const wanted = query.get('tab');
  const tab = isTab(wanted) ? wanted : 'basic';
  const { live } = useApp();
  const { value, problem } = useLive<SettingsAnswer>('/api/v1/settings', 'settings');
  const [edited, setEdited] = useState<Edited>(new Map());
  const changed = new Map([...edited].filter(([path, to]) => !same(to, value?.settings.find((each) => each.path === path)?.value ?? null)));
  useEffect(() => {
    if (changed.size === 0) return undefined;
    const leaving = (event: BeforeUnloadEvent): void => event.preventDefault();
    addEventListener('beforeunload', leaving);
    return () => removeEventListener('beforeunload', leaving);
  }, [changed.size]);
  const sought = query.get('setting');
  useEffect(() => {
    if (sought === null || value === undefined) return undefined;
    // After the head of the page, which has the focus of every new page.
    const timer = setTimeout(() =>
      document.querySelector<HTMLElement>(`[data-setting="${CSS.escape(sought)}"] :is(input, select, textarea)`)?.focus(),
    );
    return () => clearTimeout(timer);
  }, [sought, value === undefined]);
  return (
    <>
      <Tabs at={tab} unsaved={new Set([...changed.keys()].map(tabOf))} />
      {problem === undefined ? null : <ProblemNotice problem={problem} />}
      {value === undefined ? (
        problem === undefined ? (
          <Waiting />
        ) : null
      ) : (
        <>
          <Notes answer={value} />
          {tab === 'identities' ? null : (
            <Editor key={tab} answer={value} tab={tab} edited={edited} setEdited={setEdited} onSaved={() => live.refresh()} />
          )}
          {tab === 'basic' ? <PasswordSection /> : null}
          {tab === 'users' ? <Recent of="users" /> : null}
          {tab === 'identities' ? <Identities /> : null}
          {tab === 'clients' ? <Recent of="clients" /> : null}
        </>
      )}
    </>
  );
};
