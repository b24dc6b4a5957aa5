// The preview of an order: what risk says, and what it looked at. It ages: prices move, and so does what risk would say.

import { el, figures } from '../dom.js';
import * as f from '../format.js';

// Milliseconds after which a preview may not be sent any more.
const FRESH = 30000;
const FIRST = 'Preview first: risk says what it thinks of the order.';
const OLD = `The preview is older than ${FRESH / 1000} s: preview again.`;

const LABELS = {
  price: 'Valued at',
  notional: 'Value',
  position: 'Position now',
  after: 'Position after',
  free: 'Free',
  at: 'Price of',
};

/** `clear` shows that nothing is known, `show` an answer, `unsure` that a Send had none; `age` says when it is too old. */
export function preview() {
  const verdict = el('p', { class: 'verdict', role: 'status', 'aria-live': 'polite' }, FIRST);
  const again = el('p', { class: 'hint', hidden: true });
  const all = figures(LABELS);
  let shown = null;
  const say = (text, kind = '') => {
    verdict.textContent = text;
    verdict.className = `verdict ${kind}`;
  };
  const hint = (text) => {
    again.textContent = text;
    again.hidden = text === '';
  };
  const clear = (text = FIRST) => {
    shown = null;
    say(text);
    hint('');
    all.set(Object.fromEntries(Object.keys(LABELS).map((name) => [name, f.unknown()])));
  };
  const show = (said, wasSent) => {
    shown = { said, until: Date.now() + FRESH };
    if (said.allowed) say('Risk would let it through.', 'gain');
    else say(`Risk would deny it: ${said.reason ?? said.reason_code}`, 'loss');
    hint(wasSent ? 'It was sent before and no answer came. Sent again it is the same order, not a second one.' : '');
    all.set({
      price: f.price(said.price),
      notional: f.money(said.notional),
      position: f.quantity(said.position),
      after: f.quantity(said.position_after),
      free: f.money(said.free_quote),
      at: f.since(said.priced_at),
    });
  };
  const unsure = () => hint('No answer came. Sent again, also after another preview, it is the same order.');
  const age = () => {
    if (!shown) return false;
    all.set({ at: f.since(shown.said.priced_at) });
    const isOld = Date.now() > shown.until;
    if (isOld) clear(OLD);
    return isOld;
  };
  return { node: el('div', { class: 'preview whole' }, verdict, again, all.node), clear, show, unsure, age };
}
