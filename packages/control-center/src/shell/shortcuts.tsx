import { useEffect, useState } from 'preact/hooks';
import { pages } from '../pages/places.ts';
import { linkTo } from '../router.ts';
import { Dialog } from '../ui/dialog.tsx';
import { areKeysOff, keepKeysOff } from '../ui/theme-store.ts';

// Single keys for those who work by keyboard. They are shown, do nothing where text is entered, and can be switched off (WCAG 2.1.4).

/** How long the second key of two may take. */
const SECOND_KEY_MS = 1_500;

const isTyping = (target: EventTarget | null): boolean =>
  target instanceof Element && target.closest('input, textarea, select, dialog, [contenteditable]') !== null;

const useKeys = (off: boolean, help: () => void): void => {
  useEffect(() => {
    if (off) return undefined;
    let wentAt = Number.NEGATIVE_INFINITY;
    const pressed = (event: KeyboardEvent): void => {
      if (event.ctrlKey || event.altKey || event.metaKey || isTyping(event.target)) return;
      const isSecond = event.timeStamp - wentAt < SECOND_KEY_MS;
      wentAt = Number.NEGATIVE_INFINITY;
      const page = isSecond ? pages.find(({ letter }) => letter === event.key) : undefined;
      if (page !== undefined) location.hash = linkTo(page.name);
      else if (event.key === 'g') wentAt = event.timeStamp;
      else if (event.key === '?') help();
      else if (event.key === '/') document.querySelector<HTMLInputElement>('form.everywhere input')?.focus();
      else return;
      event.preventDefault();
    };
    addEventListener('keydown', pressed);
    return () => removeEventListener('keydown', pressed);
  }, [off]);
};

export const Shortcuts = () => {
  const [open, setOpen] = useState(false);
  const [off, setOff] = useState(areKeysOff);
  useKeys(off, () => setOpen(true));
  return (
    <>
      <button type="button" class="plain keys" onClick={() => setOpen(true)}>
        Keyboard <kbd>?</kbd>
      </button>
      {open ? (
        <Dialog title="Keyboard" onClose={() => setOpen(false)}>
          <dl class="shortcuts">
            <div>
              <dt>
                <kbd>/</kbd>
              </dt>
              <dd>Search everywhere</dd>
            </div>
            <div>
              <dt>
                <kbd>?</kbd>
              </dt>
              <dd>These keys</dd>
            </div>
            {pages.map(({ name, title, letter }) => (
              <div key={name}>
                <dt>
                  <kbd>g</kbd> <kbd>{letter}</kbd>
                </dt>
                <dd>{title}</dd>
              </div>
            ))}
          </dl>
          <label>
            <input
              type="checkbox"
              role="switch"
              checked={!off}
              onChange={({ currentTarget }) => {
                keepKeysOff(!currentTarget.checked);
                setOff(!currentTarget.checked);
              }}
            />
            Single keys do this
          </label>
        </Dialog>
      ) : null}
    </>
  );
};
