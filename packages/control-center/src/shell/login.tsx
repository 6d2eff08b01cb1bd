import { useState } from 'preact/hooks';
import { ask, asProblem, type Problem } from '../api/http.ts';
import { Dialog } from '../ui/dialog.tsx';
import { ProblemNotice } from '../ui/notice.tsx';

export const LoginDialog = ({ onClose, onDone }: { readonly onClose: () => void; readonly onDone: () => void }) => {
  const [password, setPassword] = useState('');
  const [problem, setProblem] = useState<Problem>();
  const [busy, setBusy] = useState(false);
  const submit = async (): Promise<void> => {
    setBusy(true);
    try {
      await ask('POST', '/api/v1/login', { json: { password } });
      onDone();
    } catch (error) {
      setProblem(asProblem(error));
    } finally {
      setBusy(false);
    }
  };
  return (
    <Dialog title="Log in" onClose={onClose}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        {problem === undefined ? null : <ProblemNotice problem={problem} />}
        <input type="text" autocomplete="username" value="administrator" readOnly hidden />
        <label>
          Password of the administrator
          <input
            type="password"
            required
            autocomplete="current-password"
            value={password}
            onInput={({ currentTarget }) => setPassword(currentTarget.value)}
          />
        </label>
        <p>
          Forgotten? Stop the license manager on its computer, run <code>keyhaven password reset</code> there as the user that it runs as,
          and start it again.
        </p>
        <footer>
          <button type="submit" aria-busy={busy}>
            Log in
          </button>
        </footer>
      </form>
    </Dialog>
  );
};
