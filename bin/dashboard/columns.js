// The columns of tables that more than one page shows.

import * as f from './format.js';

export const instrumentOf = (row) => `${row.exchange}:${row.symbol}`;

const side = (row) => ({
  ...f.plain(row.side),
  class: ['buy', 'long'].includes(row.side) ? 'gain' : row.side === 'flat' ? '' : 'loss',
});

export const POSITIONS = [
  { label: 'Instrument', cell: (p) => f.plain(instrumentOf(p)) },
  { label: 'Side', cell: side },
  { label: 'Quantity', number: true, cell: (p) => f.quantity(p.quantity) },
  { label: 'Average entry', number: true, cell: (p) => f.average(p.avg_entry_price) },
  { label: 'Price', number: true, cell: (p) => f.price(p.current_price) },
  { label: 'Unrealised', number: true, cell: (p) => f.result(p.unrealized_pnl) },
  { label: 'Realised', number: true, cell: (p) => f.result(p.realized_pnl) },
  { label: 'Strategy', cell: (p) => f.plain(p.strategy_id) },
];

export const NET_POSITIONS = [
  { label: 'Instrument', cell: (p) => f.plain(instrumentOf(p)) },
  { label: 'Side', cell: side },
  { label: 'Quantity', number: true, cell: (p) => f.quantity(p.quantity) },
  { label: 'Price', number: true, cell: (p) => f.price(p.current_price) },
  { label: 'Unrealised', number: true, cell: (p) => f.result(p.unrealized_pnl) },
  { label: 'Realised', number: true, cell: (p) => f.result(p.realized_pnl) },
  {
    label: 'Held by',
    wide: true,
    cell: (p) => ({ text: p.strategies.map((s) => `${s.strategy_id} ${f.quantity(s.quantity).text}`).join(', ') }),
  },
];

export const ORDERS = [
  { label: 'Created', cell: (o) => f.time(o.created_at) },
  { label: 'Instrument', cell: (o) => f.plain(instrumentOf(o)) },
  { label: 'Side', cell: side },
  { label: 'Type', cell: (o) => f.words(o.order_type) },
  { label: 'Quantity', number: true, cell: (o) => f.quantity(o.quantity) },
  { label: 'Filled', number: true, cell: (o) => f.quantity(o.filled_quantity) },
  { label: 'Price', number: true, cell: (o) => priceOf(o) },
  {
    label: 'Status',
    cell: (o) => ({ ...f.words(o.status), class: `status ${o.status}`, title: o.reason ?? o.reason_code ?? '' }),
  },
  { label: 'Strategy', cell: (o) => f.plain(o.strategy_id) },
];

export const FILLS = [
  { label: 'Executed', cell: (t) => f.time(t.executed_at) },
  { label: 'Instrument', cell: (t) => f.plain(instrumentOf(t)) },
  { label: 'Side', cell: side },
  { label: 'Quantity', number: true, cell: (t) => f.quantity(t.quantity) },
  { label: 'Price', number: true, cell: (t) => f.price(t.price) },
  { label: 'Realised', number: true, cell: (t) => f.result(t.realized_pnl) },
  { label: 'Fee', number: true, wide: true, cell: (t) => f.money(t.commission, t.commission_asset) },
  { label: 'Strategy', cell: (t) => f.plain(t.strategy_id) },
];

export const LOGS = [
  { label: 'Time', cell: (l) => f.time(l.timestamp) },
  { label: 'Level', cell: (l) => ({ ...f.plain(l.level), class: `level ${l.level}` }) },
  { label: 'Message', cell: (l) => ({ text: l.message, title: l.message, class: 'message' }) },
];

/** A market order has no price, which is known and not unknown. */
function priceOf(order) {
  const own = order.price ?? order.stop_price ?? order.trail_amount;
  if (!f.isUnknown(own)) return f.price(own);
  return order.order_type === 'market' ? { text: 'market' } : f.unknown();
}
