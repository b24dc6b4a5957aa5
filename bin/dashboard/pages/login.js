// The login: a token is pasted once and becomes a session; it is kept nowhere.

import { el, field } from '../dom.js';

/** Asks for a token and gives it to `enter`, which may refuse it. */
export function login(root, trouble, enter) {
  const token = el('input', {
    type: 'password',
    name: 'token',
    required: true,
    autocomplete: 'current-password',
    spellcheck: 'false',
  });
  const wrong = el('p', { class: 'trouble', role: 'alert', hidden: !trouble }, trouble?.line ?? '');
  const submit = el('button', { type: 'submit', class: 'primary' }, 'Log in');
  const form = el(
    'form',
    { class: 'login panel' },
    el('h1', {}, 'Merganser'),
    el(
      'p',
      {},
      'Paste a token. That of this run lies in the data directory, in the file ',
      el('code', {}, 'token'),
      ', for its owner alone.',
    ),
    field('Token', token),
    wrong,
    submit,
  );
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    submit.disabled = true;
    try {
      await enter(token.value.trim());
      token.value = '';
    } catch (problem) {
      wrong.textContent = problem.line;
      wrong.hidden = false;
      submit.disabled = false;
      token.select();
    }
  });
  root.replaceChildren(form);
  token.focus();
}
