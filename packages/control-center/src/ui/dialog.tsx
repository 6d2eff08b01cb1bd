import type { ComponentChildren } from 'preact';
import { useContext, useId, useLayoutEffect, useRef } from 'preact/hooks';
import { TellingContext } from '../app-context.ts';
import { toHeading } from './focus.ts';
import { Toasts } from './toasts.tsx';

/** A modal dialog: the browser keeps the focus inside, Escape closes it, and the focus goes back to where it was. */
export const Dialog = ({
  title,
  children,
  wide = false,
  onClose,
}: {
  readonly title: string;
  readonly children: ComponentChildren;
  /** For what is to be read, not to be filled in. */
  readonly wide?: boolean;
  readonly onClose: () => void;
}) => {
  const at = useRef<HTMLDialogElement>(null);
  const id = useId();
  const { toasts, enter } = useContext(TellingContext);
  // Before it is painted: no key that is pressed at once goes to what is behind it.
  useLayoutEffect(() => {
    const dialog = at.current;
    const before = document.activeElement;
    dialog?.showModal();
    const leave = enter();
    return () => {
      leave();
      dialog?.close();
      if (before instanceof HTMLElement && before.isConnected && before !== document.body) before.focus();
      else toHeading();
    };
  }, []);
  return (
    <dialog ref={at} aria-labelledby={id} onClose={onClose}>
      <article class={wide ? 'wide' : undefined}>
        <header>
          <h2 id={id}>{title}</h2>
          <button type="button" class="plain" aria-label="Close" onClick={onClose}>
            ✕
          </button>
        </header>
        {children}
        <Toasts toasts={toasts} />
      </article>
    </dialog>
  );
};

/** Asks before something that cannot be taken back. */
export const Confirm = ({
  title,
  children,
  action,
  onYes,
  onClose,
}: {
  readonly title: string;
  readonly children: ComponentChildren;
  readonly action: string;
  readonly onYes: () => void;
  readonly onClose: () => void;
}) => (
  <Dialog title={title} onClose={onClose}>
    {children}
    <footer>
      <button type="button" class="secondary" onClick={onClose}>
        Cancel
      </button>
      <button
        type="button"
        onClick={() => {
          onClose();
          onYes();
        }}
      >
        {action}
      </button>
    </footer>
  </Dialog>
);
