/**
 * The script of the pages with settings (C6): what is behind their link "Submit". It posts the block of lines that `actionIn` reads, as scripts of
 * others do. It is a file of its own, since no page may run what is written in it, and it writes no HTML (S8).
 */
export const SETTINGS_SCRIPT = `'use strict';
const at = (id) => document.getElementById(id);
const submit = async () => {
  const set = [...document.querySelectorAll('input')].map((each) => each.id + '=' + (each.checked ? '1' : '0'));
  const list = at('serverlist');
  const servers = list === null ? [] : ['serverlist', list.value, '/serverlist'];
  const answer = await fetch('action.html', {
    method: 'POST',
    headers: { 'content-type': 'text/plain; charset=utf-8' },
    body: ['config', ...set, ...servers, '/config'].join('\\n'),
    // A program that drives a browser may leave at once.
    keepalive: true,
  });
  if (answer.ok) return 'The settings are changed.';
  const { detail = '', remedy = '' } = await answer.json().catch(() => ({}));
  return ('The settings are as before. ' + detail + ' ' + remedy).trim();
};
at('submit').addEventListener('click', (event) => {
  event.preventDefault();
  submit().then(
    (text) => { at('said').textContent = text; },
    () => { at('said').textContent = 'The license manager does not answer.'; },
  );
});
`;
