// Questions before something is changed. Each is a native dialog: it holds the focus, and Escape leaves it.

import { button, el, field } from './dom.js';

/** Shows a dialog; resolves with what `answer()` gives when it is confirmed, with `null` when it is left. */
export function ask({ title, content, ok = 'OK', kind = '', answer = () => true, ready = () => true, leaves = true }) {
  return new Promise((resolve) => {
    const go = el('button', { type: 'submit', class: `primary ${kind}` }, ok);
    const leave = leaves && button('Leave', () => dialog.close());
    const form = el(
      'form',
      { method: 'dialog' },
      el('h2', { id: 'dialog-title' }, title),
      content,
      el('div', { class: 'actions' }, leave, go),
    );
    const dialog = el('dialog', { 'aria-labelledby': 'dialog-title' }, form);
    const before = document.activeElement;
    const check = () => {
      go.disabled = !ready();
    };
    let result = null;
    form.addEventListener('input', check);
    form.addEventListener('submit', () => {
      result = ready() ? answer() : null;
    });
    dialog.addEventListener('close', () => {
      dialog.remove();
      if (before?.isConnected) before.focus();
      resolve(result);
    });
    document.body.append(dialog);
    check();
    dialog.showModal();
    (form.querySelector('input, select, textarea') ?? go).focus();
  });
}

/** Asks why, and for a word to be typed where the matter is grave. Resolves with `{why}` or `null`. */
export function confirm({ title, text, ok, word = null, kind = '' }) {
  const why = el('input', { maxlength: 200, autocomplete: 'off', placeholder: 'stands in the ledger with your name' });
  const typed = word && el('input', { autocomplete: 'off', spellcheck: 'false', 'data-word': word });
  const content = el('div', {}, el('p', {}, text), word && field(`Type ${word} to confirm`, typed), field('Why', why));
  return ask({
    title,
    content,
    ok,
    kind,
    ready: () => !word || typed.value.trim() === word,
    answer: () => ({ why: why.value.trim() || 'said on the dashboard' }),
  });
}

/** Shows something to read. */
export function tell(title, content) {
  return ask({ title, content, ok: 'Close', leaves: false });
}
