import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef, useState } from 'preact/hooks';
import { ask } from '../api/http.ts';
import { useApp } from '../app-context.ts';
import { pages } from '../pages/places.ts';
import { linkTo, type Place } from '../router.ts';
import { isFocusLost, toHeading } from '../ui/focus.ts';
import { DropAnywhere } from './drop.tsx';
import { Shortcuts } from './shortcuts.tsx';
import { ThemeSwitch } from './theme-switch.tsx';

// What is around every page: name, search, navigation, theme, who is logged in.

const Navigation = ({ page }: { readonly page: string }) => {
  const groups = [...new Set(pages.map(({ group }) => group))];
  return (
    <>
      {groups.map((group) => (
        <div key={group}>
          {group === '' ? null : <p class="group">{group}</p>}
          <ul>
            {pages
              .filter((each) => each.group === group)
              .map(({ name, title }) => (
                <li key={name}>
                  <a href={linkTo(name)} aria-current={page === name ? 'page' : undefined}>
                    {title}
                  </a>
                </li>
              ))}
          </ul>
        </div>
      ))}
    </>
  );
};

const SearchEverywhere = ({ value }: { readonly value: string }) => (
  <form
    role="search"
    class="everywhere"
    onSubmit={(event) => {
      event.preventDefault();
      const wanted = new FormData(event.currentTarget).get('q');
      if (typeof wanted === 'string' && wanted.trim() !== '') location.hash = linkTo('search', { q: wanted.trim() });
    }}
  >
    <input
      type="search"
      name="q"
      aria-label="Search everywhere"
      placeholder="Search all"
      aria-keyshortcuts="/"
      maxLength={200}
      defaultValue={value}
    />
  </form>
);

const Account = ({ onRights }: { readonly onRights: () => void }) => {
  const { rights, act, logIn } = useApp();
  if (rights.authenticated)
    return (
      <button
        type="button"
        class="secondary small"
        onClick={() => void act('Logging out', () => ask('POST', '/api/v1/logout', { json: {} })).then(onRights)}
      >
        Log out
      </button>
    );
  return rights.configure ? null : (
    <button type="button" class="secondary small" onClick={logIn}>
      Log in
    </button>
  );
};

export const Shell = ({
  place,
  title,
  name,
  known,
  onRights,
  children,
}: {
  readonly place: Place;
  readonly title: string;
  readonly name: string | undefined;
  /** Whether it is known who asks. */
  readonly known: boolean;
  readonly onRights: () => void;
  readonly children: ComponentChildren;
}) => {
  // The menu is open for the place where it was opened: it is closed with the first look at another one.
  const [openAt, setOpenAt] = useState<number>();
  const open = openAt === place.visit;
  const heading = useRef<HTMLHeadingElement>(null);
  const first = useRef(true);
  // With the page and not after it: whoever is quick has gone on to the search by then, and would lose what he types.
  useLayoutEffect(() => {
    // A new page is told to those who cannot see it; the first one the browser tells.
    if (!first.current) heading.current?.focus();
    first.current = false;
  }, [place.page]);
  useEffect(() => {
    if (place.visit > 0 && isFocusLost()) toHeading();
  }, [place.visit]);
  return (
    <>
      <button type="button" class="skip" onClick={() => heading.current?.focus()}>
        Skip to the content
      </button>
      <header class="top">
        <button
          type="button"
          class="plain menu"
          aria-expanded={open}
          aria-controls="navigation"
          onClick={() => setOpenAt(open ? undefined : place.visit)}
        >
          <span aria-hidden="true">☰</span> Menu
        </button>
        <a class="brand" href={linkTo('overview')}>
          Keyhaven <span class="machine">{name}</span>
        </a>
        <SearchEverywhere value={place.page === 'search' ? (place.query.get('q') ?? '') : ''} />
        {known ? <Account onRights={onRights} /> : null}
      </header>
      <div class="below">
        <nav id="navigation" class={open ? 'side open' : 'side'} aria-label="Pages">
          <Navigation page={place.page} />
          <Shortcuts />
          <ThemeSwitch />
        </nav>
        <main id="content">
          <h1 ref={heading} tabIndex={-1}>
            {title}
          </h1>
          {children}
        </main>
      </div>
      <DropAnywhere />
    </>
  );
};
