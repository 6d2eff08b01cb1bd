import type { ComponentChildren } from 'preact';
import type { Problem } from '../api/http.ts';

/** What went wrong and what to do about it. */
export const ProblemNotice = ({ problem, onClose }: { readonly problem: Problem; readonly onClose?: () => void }) => (
  <div class="notice bad" role="alert">
    <div>
      <p>
        <strong>{problem.message}</strong>
      </p>
      <p>{problem.remedy}</p>
      <p class="quiet">
        {problem.title}
        {problem.code === 0 ? '' : ` (${problem.code})`}
      </p>
    </div>
    {onClose === undefined ? null : (
      <button type="button" class="plain" aria-label="Close this message" onClick={onClose}>
        ✕
      </button>
    )}
  </div>
);

/** Nothing is here yet; the children say what to do next. */
export const Empty = ({ title, children }: { readonly title: string; readonly children?: ComponentChildren }) => (
  <div class="empty">
    <p>
      <strong>{title}</strong>
    </p>
    {children === undefined ? null : <p>{children}</p>}
  </div>
);

export const Badge = ({ kind, children }: { readonly kind: 'good' | 'warn' | 'bad' | 'quiet'; readonly children: ComponentChildren }) => (
  <span class={`badge ${kind}`}>{children}</span>
);

/** While the first answer is awaited. It takes the room that comes after it, so that nothing moves. */
export const Waiting = () => (
  <p class="waiting" role="status">
    <span class="late">Loading …</span>
  </p>
);
