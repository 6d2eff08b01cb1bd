import { useState } from 'preact/hooks';
import { ask } from '../../api/http.ts';
import { useApp } from '../../app-context.ts';

/** "Password Protection". With a password, settings are the administrator's; other computers may then be let in at all. */
export const PasswordSection = () => {
  const { rights, act, tell, logIn } = useApp();
  const [password, setPassword] = useState('');
  const [again, setAgain] = useState('');
  const differs = again !== '' && again !== password;
  const set = async (): Promise<void> => {
    const done = await act('Setting the password', () => ask('PUT', '/api/v1/password', { json: { password } }));
    if (done === undefined) return;
    setPassword('');
    setAgain('');
    tell({ kind: 'good', text: 'The password is set. Log in with it to change settings.' });
    logIn();
  };
  const clear = async (): Promise<void> => {
    const done = await act('Taking the password away', () => ask('DELETE', '/api/v1/password'));
    if (done !== undefined) tell({ kind: 'good', text: 'There is no password any more: everybody at this computer may change settings.' });
  };
  return (
    <section>
      <h2>Password Protection</h2>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void set();
        }}
      >
        <input type="text" autocomplete="username" value="administrator" readOnly hidden />
        <div class="grid">
          <label>
            New password
            <input
              type="password"
              autocomplete="new-password"
              required
              value={password}
              disabled={!rights.configure}
              onInput={({ currentTarget }) => setPassword(currentTarget.value)}
            />
          </label>
          <label>
            Again
            <input
              type="password"
              autocomplete="new-password"
              required
              value={again}
              disabled={!rights.configure}
              aria-invalid={differs ? true : undefined}
              onInput={({ currentTarget }) => setAgain(currentTarget.value)}
            />
            {differs ? <small>The two differ.</small> : null}
          </label>
        </div>
        <p class="actions">
          <button type="submit" disabled={!rights.configure || password === '' || password !== again}>
            Set password
          </button>
          <button type="button" class="secondary" disabled={!rights.widen} onClick={() => void clear()}>
            No password
          </button>
        </p>
      </form>
    </section>
  );
};
