import type { Toast } from '../app-context.ts';
import { ProblemNotice } from './notice.tsx';

/** What is told, wherever the reader is. */
export const Toasts = ({ toasts }: { readonly toasts: readonly Toast[] }) => (
  <div class="toasts" aria-live="polite">
    {toasts.map((toast) =>
      toast.kind === 'bad' ? (
        <ProblemNotice key={toast.id} problem={toast.problem} onClose={toast.close} />
      ) : (
        <div key={toast.id} class={`notice ${toast.kind}`} role="status">
          <div>
            <p>{toast.text}</p>
            {toast.kind === 'busy' ? <progress aria-label={toast.text} /> : null}
          </div>
          {toast.kind === 'busy' ? null : (
            <button type="button" class="plain" aria-label="Close this message" onClick={toast.close}>
              ✕
            </button>
          )}
        </div>
      ),
    )}
  </div>
);
