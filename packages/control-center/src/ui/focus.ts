// Where the focus of the keyboard is when what had it is gone.

export const isFocusLost = (): boolean => document.activeElement === null || document.activeElement === document.body;

/** The head of the page: from there the next Tab is in the page. */
export const toHeading = (): void => document.querySelector<HTMLElement>('main h1')?.focus();
