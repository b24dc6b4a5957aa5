// One order: its events, a replacement, a cancellation.

import * as api from '../api.js';
import { instrumentOf } from '../columns.js';
import { ask, confirm, tell } from '../dialogs.js';
import { el, field, say, sending, show, table } from '../dom.js';
import * as f from '../format.js';

const path = (id) => `/orders/${encodeURIComponent(id)}`;

const inWords = (o) =>
  `${o.side} ${f.quantity(o.quantity).text} ${instrumentOf(o)}, ${String(o.order_type).replaceAll('_', ' ')}`;

async function attempt(what, work, done) {
  try {
    await sending(what, work);
    say(done, 'good');
  } catch (problem) {
    say(`${what}: ${problem.line ?? problem.message}`, 'error');
  }
}

export async function cancel(order) {
  const question = { title: 'Cancel the order', text: `${inWords(order)}.`, ok: 'Cancel the order', kind: 'danger' };
  const answer = await confirm(question);
  if (!answer) return;
  const send = () => api.remove(api.at(path(order.order_id), answer));
  await attempt('Cancel', send, 'the cancellation is on its way');
}

export async function replace(order) {
  const input = (name) =>
    el('input', {
      inputmode: 'decimal',
      autocomplete: 'off',
      value: order[name] ?? '',
      disabled: f.isUnknown(order[name]),
    });
  const inputs = { quantity: input('quantity'), price: input('price'), stop_price: input('stop_price') };
  const content = el(
    'div',
    {},
    el('p', {}, `${inWords(order)}. What is left as it is stays.`),
    field('Quantity', inputs.quantity),
    field('Price', inputs.price),
    field('Stop price', inputs.stop_price),
  );
  const changed = () =>
    Object.fromEntries(
      Object.entries(inputs)
        .filter(([name, node]) => !node.disabled && node.value.trim() !== String(order[name]))
        .map(([name, node]) => [name, node.value.trim()]),
    );
  const replacement = await ask({
    title: 'Replace the order',
    content,
    ok: 'Replace',
    answer: changed,
    ready: () => Object.keys(changed()).length > 0,
  });
  if (!replacement) return;
  const send = () => api.patch(path(order.order_id), replacement);
  await attempt('Replace', send, 'the replacement is on its way');
}

const EVENTS = [
  { label: 'Time', cell: (e) => f.time(e.timestamp) },
  { label: 'Event', cell: (e) => f.words(e.event) },
  { label: 'Status', cell: (e) => f.words(e.state) },
  { label: 'Filled', number: true, cell: (e) => f.quantity(e.filled_quantity) },
  { label: 'Last price', number: true, cell: (e) => (e.last_price ? f.price(e.last_price) : { text: '' }) },
  { label: 'Reason', cell: (e) => ({ text: e.reason_text ?? e.reason ?? '' }) },
];

// What the tables do not hold of an order: there `null` is not no.
const NOT_IN_TABLES = new Set(['post_only', 'reduce_only']);

function fact([name, value]) {
  const none = NOT_IN_TABLES.has(name) ? f.unknown() : { text: 'none' };
  const shown = value === null ? none : { text: String(value) };
  return el('div', {}, el('dt', {}, name.replaceAll('_', ' ')), show(el('dd'), shown));
}

/** Everything that is known of an order, and what happened to it, as far as the tables are. */
export async function details({ order_id: orderId }) {
  const events = table({ caption: 'Events', columns: EVENTS, empty: 'the tables hold no event of it yet' });
  let order;
  try {
    order = await api.get(path(orderId));
    const query = `select * from order_events where order_id = '${order.order_id}' order by number`;
    events.rows(await api.select(query, 1000, { stale: false }));
  } catch (problem) {
    say(problem.line ?? problem.message, 'error');
    if (!order) return;
  }
  const known = el('dl', { class: 'limits' }, Object.entries(order).map(fact));
  const trail = el(
    'a',
    { href: `#logs?correlation=${encodeURIComponent(order.correlation_id)}` },
    'everything with its correlation id',
  );
  trail.addEventListener('click', () => trail.closest('dialog').close());
  await tell(`Order ${orderId}`, el('div', { class: 'long' }, events.node, el('p', {}, trail), known));
}
