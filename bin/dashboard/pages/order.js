// One order: its events, a replacement, a cancellation.

import * as api from '../api.js';
import { instrumentOf } from '../columns.js';
import { ask, confirm, tell } from '../dialogs.js';
import { el, field, say, table } from '../dom.js';
import * as f from '../format.js';

const path = (id) => `/orders/${encodeURIComponent(id)}`;

const inWords = (o) =>
  `${o.side} ${f.quantity(o.quantity).text} ${instrumentOf(o)}, ${String(o.order_type).replaceAll('_', ' ')}`;

async function attempt(work, done) {
  try {
    await work();
    say(done, 'good');
  } catch (problem) {
    say(problem.line ?? problem.message, 'error');
  }
}

export async function cancel(order) {
  const question = { title: 'Cancel the order', text: `${inWords(order)}.`, ok: 'Cancel the order', kind: 'danger' };
  if (await confirm(question)) await attempt(() => api.remove(path(order.order_id)), 'the cancellation is on its way');
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
  if (replacement) await attempt(() => api.patch(path(order.order_id), replacement), 'the replacement is on its way');
}

/** Everything that is known of an order, and what happened to it. */
export async function details(orderId) {
  let said;
  try {
    said = await api.get(path(orderId));
  } catch (problem) {
    say(problem.line, 'error');
    return;
  }
  const order = said.order ?? said;
  const events = table({
    caption: 'Events',
    columns: [
      { label: 'Time', cell: (e) => f.time(e.at ?? e.timestamp) },
      { label: 'Event', cell: (e) => f.words(e.event) },
      { label: 'Status', cell: (e) => f.words(e.status ?? e.state) },
      { label: 'Reason', cell: (e) => ({ text: e.reason ?? e.reason_code ?? '' }) },
    ],
  });
  events.rows(said.events ?? []);
  const pairs = Object.entries(order).filter(([name, value]) => name !== 'events' && typeof value !== 'object');
  const known = el(
    'dl',
    { class: 'limits' },
    pairs.map(([name, value]) => el('div', {}, el('dt', {}, name.replaceAll('_', ' ')), el('dd', {}, String(value)))),
  );
  const trail = el(
    'p',
    {},
    el(
      'a',
      { href: `#logs?correlation=${encodeURIComponent(order.correlation_id)}` },
      'everything with its correlation id',
    ),
  );
  await tell(`Order ${orderId}`, el('div', { class: 'long' }, events.node, order.correlation_id && trail, known));
}
