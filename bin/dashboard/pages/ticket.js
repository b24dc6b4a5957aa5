// The ticket: a manual order, of which risk says what it thinks before it is sent. What is sent is what was previewed. It
// carries one key until its answer has come, so that a repeated request is not a second order.

import * as api from '../api.js';
import { el, field, say, select, sending, setOptions } from '../dom.js';
import { preview } from './preview.js';
import * as unanswered from './unanswered.js';

const TYPES = [
  ['limit', 'limit'],
  ['market', 'market'],
  ['stop', 'stop'],
  ['stop_limit', 'stop limit'],
  ['take_profit', 'take profit'],
  ['trailing_stop', 'trailing stop'],
];
const TIMES = [
  ['gtc', 'good till canceled'],
  ['ioc', 'immediate or cancel'],
  ['fok', 'fill or kill'],
  ['day', 'day'],
];
// Which prices a type has.
const HAS = {
  limit: ['price'],
  market: [],
  stop: ['stop_price'],
  stop_limit: ['price', 'stop_price'],
  take_profit: ['stop_price'],
  trailing_stop: ['trail_amount'],
};
const DECIMAL = {
  inputmode: 'decimal',
  autocomplete: 'off',
  pattern: '[0-9]+([.][0-9]+)?',
  title: 'a decimal number, as 0.25',
};

export function ticket(view) {
  const panel = view.panel('Order ticket');
  if (!view.may('trade'))
    return panel.add(el('p', { class: 'empty' }, 'this token may only read; log in with one that may trade'));
  const c = controls();
  const check = el('button', { type: 'submit', class: 'primary', id: 'preview' }, 'Preview');
  const send = el('button', { type: 'button', class: 'primary', id: 'send', disabled: true }, 'Send');
  const risk = preview();
  const prices = Object.fromEntries(
    ['price', 'stop_price', 'trail_amount'].map((name) => [
      name,
      field({ price: 'Limit price', stop_price: 'Stop price', trail_amount: 'Trail amount' }[name], c[name]),
    ]),
  );
  const form = el(
    'form',
    { class: 'ticket' },
    field('Instrument', c.instrument),
    field('Side', c.side),
    field('Type', c.order_type),
    field('Time in force', c.time_in_force),
    field('Quantity', c.quantity),
    Object.values(prices),
    el('label', { class: 'check' }, c.post_only, 'post only'),
    el('label', { class: 'check' }, c.reduce_only, 'reduce only'),
    el('div', { class: 'whole' }, field('Note', c.note)),
    risk.node,
    el('div', { class: 'actions' }, check, send),
  );
  let previewed = null;
  let isSending = false;
  const drop = () => {
    previewed = null;
    send.disabled = true;
    send.textContent = 'Send';
  };
  const changed = () => {
    const has = HAS[c.order_type.value];
    for (const [name, node] of Object.entries(prices)) {
      node.hidden = !has.includes(name);
      c[name].required = has.includes(name);
    }
    drop();
    risk.clear();
  };
  c.order_type.addEventListener('change', () => {
    c.time_in_force.value = c.order_type.value === 'market' ? 'ioc' : 'gtc';
  });
  form.addEventListener('input', changed);
  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    const order = read(c);
    const said = await attempt(() => api.ask('/orders/preview', order));
    if (!said || isSending || JSON.stringify(order) !== JSON.stringify(read(c))) return;
    const known = unanswered.keyOf(order);
    previewed = { order, key: known ?? api.freshKey() };
    send.disabled = false;
    send.textContent = `Send ${order.side} ${order.quantity} ${order.instrument}`;
    risk.show(said, known !== null);
    send.focus();
  });
  send.addEventListener('click', async () => {
    if (!previewed || isSending) return;
    isSending = send.disabled = true;
    const isKnown = await attempt(() => sending(send.textContent, () => place(previewed)));
    isSending = false;
    if (isKnown) return changed();
    // Whoever changed the form meanwhile sees another order there.
    send.disabled = previewed === null;
    if (previewed) risk.unsure();
  });
  view.every(1000, () => isSending || (risk.age() && drop()));
  fill(view, panel, c, changed);
  return panel.add(form);
}

function controls() {
  return {
    instrument: select([], { name: 'instrument', required: true, id: 'ticket-instrument' }),
    side: select(['buy', 'sell'], { name: 'side' }),
    order_type: select(TYPES, { name: 'order_type' }),
    time_in_force: select(TIMES, { name: 'time_in_force' }),
    quantity: el('input', { name: 'quantity', required: true, ...DECIMAL }),
    price: el('input', { name: 'price', ...DECIMAL }),
    stop_price: el('input', { name: 'stop_price', ...DECIMAL }),
    trail_amount: el('input', { name: 'trail_amount', ...DECIMAL }),
    post_only: el('input', { type: 'checkbox', name: 'post_only' }),
    reduce_only: el('input', { type: 'checkbox', name: 'reduce_only' }),
    note: el('input', { name: 'note', maxlength: 200, autocomplete: 'off' }),
  };
}

function read(c) {
  const has = HAS[c.order_type.value];
  const text = (name) => c[name].value.trim();
  return {
    instrument: c.instrument.value,
    side: c.side.value,
    order_type: c.order_type.value,
    time_in_force: c.time_in_force.value,
    quantity: text('quantity'),
    ...Object.fromEntries(has.map((name) => [name, text(name)])),
    post_only: c.post_only.checked,
    reduce_only: c.reduce_only.checked,
    note: text('note'),
  };
}

async function attempt(work) {
  try {
    return await work();
  } catch (problem) {
    say(problem.line ?? problem.message, 'error');
    return null;
  }
}

/** Sends an order and says what became of it; throws where that is not known. */
async function place({ order, key }) {
  unanswered.began(order, key);
  const read = async (response) => ({ made: await response.json(), wasThere: response.status === 200 });
  try {
    const { made, wasThere } = await api.post('/orders', order, { key, read });
    const isDenied = made.status === 'denied';
    const stands = `${wasThere ? 'was there already: it ' : ''}is ${String(made.status).replaceAll('_', ' ')}`;
    if (isDenied) say(`denied: ${made.reason ?? made.reason_code}`, 'error');
    else say(`order ${made.order_id.slice(0, 8)} ${stands}`, 'good');
  } catch (problem) {
    if (!unanswered.isDefinite(problem)) throw problem;
    say(problem.line, 'error');
  }
  unanswered.settled(order);
  return true;
}

async function fill(view, panel, c, changed) {
  const found = await view.until(() => Promise.all([api.get('/instruments'), api.get('/quotes')]), panel);
  if (!found) return;
  const [all, priced] = found.map((rows) => api.rowsOf(rows).map((row) => row.instrument));
  const rest = all.filter((other) => !priced.includes(other));
  setOptions(c.instrument, [...priced, ...rest], view.args.get('instrument') ?? priced[0] ?? rest[0]);
  changed();
  if (view.args.get('new')) c.instrument.focus();
}
