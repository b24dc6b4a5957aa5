// Market: candles as they form with our fills on them, the book, the tape, of one instrument.

import * as api from '../api.js';
import { candles, chart, marks } from '../charts.js';
import { el, figures, select, setOptions, stack, table } from '../dom.js';
import * as f from '../format.js';
import { listOf } from '../stream.js';

// Seconds of each length of a bar.
const TIMEFRAMES = { '1s': 1, '1m': 60, '5m': 300, '15m': 900, '1h': 3600, '1d': 86400 };
// Milliseconds after the end of a bar until the next one, or a part of it, should be there.
const GRACE = 15000;
const BARS = 150;
const FILLS = 1000;
const TAPE = 60;
const LEVELS = 8;

export async function build(view) {
  const choice = select([], { 'aria-label': 'Instrument', 'data-filter': true });
  const frame = select(Object.keys(TIMEFRAMES), {
    'aria-label': 'Length of a bar',
    value: view.args.get('timeframe') ?? '1s',
  });
  view.root.append(el('h1', {}, 'Market'), el('div', { class: 'toolbar whole' }, choice, frame));
  const waiting = view.panel('Instruments', { wide: true });
  view.root.append(waiting.node);
  const names = await instruments(view, waiting);
  if (!view.isOpen || names.length === 0) return;
  waiting.node.remove();
  setOptions(choice, names, view.args.get('instrument') ?? names[0]);
  const go = () => {
    location.hash = `#market?${new URLSearchParams({ instrument: choice.value, timeframe: frame.value })}`;
  };
  choice.addEventListener('change', go);
  frame.addEventListener('change', go);
  const instrument = choice.value;
  const side = stack('', book(view, instrument).node, tape(view, instrument).node);
  view.root.append(top(view, instrument).node, bars(view, instrument, frame.value).node, side);
}

/** Instruments that have a price, else all that are known. */
async function instruments(view, panel) {
  const found = await view.until(() => Promise.all([api.get('/quotes'), api.get('/instruments')]), panel);
  const [priced, all] = (found ?? [[], []]).map((rows) => api.rowsOf(rows).map((row) => row.instrument));
  if (found && priced.length + all.length === 0)
    panel.add(el('p', { class: 'empty' }, 'no instrument is known; add one in the section [instruments]'));
  return [...priced, ...all.filter((name) => !priced.includes(name))];
}

function top(view, instrument) {
  const panel = view.panel(instrument, { limit: 5000, wide: true, kind: 'strip' });
  const all = figures({
    last: 'Last',
    lastAt: 'Trade of',
    bid: 'Bid',
    bidSize: 'Bid size',
    ask: 'Ask',
    askSize: 'Ask size',
    spread: 'Spread',
    at: 'Quote of',
  });
  view.listen(`quotes/${instrument}`, (data, isSnapshot) => {
    const q = listOf(data)[0];
    if (!q) return;
    all.set({
      bid: f.price(q.bid_price),
      bidSize: f.quantity(q.bid_size),
      ask: f.price(q.ask_price),
      askSize: f.quantity(q.ask_size),
      spread: f.price(
        f.isUnknown(q.bid_price) || f.isUnknown(q.ask_price) ? null : f.sum([q.ask_price, `-${q.bid_price}`]),
      ),
      at: f.time(q.timestamp),
    });
    panel.mark(isSnapshot ? view.when(q.received) : undefined);
  });
  view.listen(`trades/${instrument}`, (data) => {
    const newest = listOf(data).at(-1);
    if (newest) all.set({ last: f.price(newest.last_price), lastAt: f.time(newest.timestamp) });
  });
  return panel.add(all.node);
}

function bars(view, instrument, timeframe) {
  const length = TIMEFRAMES[timeframe] * 1000;
  const panel = view.panel(`Bars of ${timeframe}`, { limit: length + GRACE, kind: 'big' });
  const drawing = chart(view, `Candles of ${instrument} by ${timeframe}, with our fills`, 'tall');
  const exact = table({
    caption: `The newest bars of ${instrument}`,
    key: (bar) => bar.timestamp,
    columns: [
      { label: 'From', cell: (b) => f.time(b.timestamp) },
      { label: 'Open', number: true, cell: (b) => f.price(b.open) },
      { label: 'High', number: true, cell: (b) => f.price(b.high) },
      { label: 'Low', number: true, cell: (b) => f.price(b.low) },
      { label: 'Close', number: true, cell: (b) => f.price(b.close) },
      { label: 'Volume', number: true, cell: (b) => f.quantity(b.volume) },
      { label: 'Trades', number: true, cell: (b) => f.count(b.trade_count) },
    ],
  });
  const known = new Map();
  let fills = [];
  const draw = view.soon(500, () => {
    const sorted = [...known.keys()].sort().map((time) => known.get(time));
    exact.rows([...sorted].reverse().slice(0, 50));
    const seen = sorted.map((b) => ({
      at: b.timestamp,
      open: f.forChart(b.open),
      high: f.forChart(b.high),
      low: f.forChart(b.low),
      close: f.forChart(b.close),
    }));
    const ours = fills.filter((fill) => fill.at >= (sorted[0]?.timestamp ?? ''));
    drawing.draw(
      () => [candles(seen), marks(ours, 'buy'), marks(ours, 'sell')],
      () => ({ xaxis: { rangeslider: { visible: false } } }),
    );
  });
  const newest = () => [...known.keys()].sort().at(-1) ?? '';
  /** Keeps the newest; says when the last of them ends. */
  const take = (rows) => {
    rows.forEach((bar) => known.set(bar.timestamp, bar));
    const times = [...known.keys()].sort();
    times.slice(0, -BARS).forEach((time) => known.delete(time));
    draw();
    return known.size === 0 ? null : view.when(newest()) + length;
  };
  const path = api.at('/bars', { instrument, timeframe, newest: true, limit: BARS, fresh: false });
  const ask = (ms) => view.poll(ms, path, panel, (page) => take(api.rowsOf(page)));
  ask(60000);
  // Longer bars are merged when they are asked for; no topic tells of them.
  let isMerged = false;
  const refused = () => {
    if (!isMerged) ask(5000);
    isMerged = true;
  };
  const hear = (data, isSnapshot) => {
    const before = newest();
    const end = take(listOf(data));
    // A part of the newest bar, or the next one, is of now; an old one that is revised makes nothing newer.
    const isNew = !isSnapshot && listOf(data).some((bar) => bar.timestamp >= before);
    panel.mark(isNew ? undefined : end);
  };
  view.listen(`bars/${instrument}/${timeframe}`, hear, refused);
  const mark = (t) => ({
    at: t.executed_at,
    price: f.forChart(t.price),
    side: t.side,
    text: `${t.side} ${f.quantity(t.quantity).text} at ${f.price(t.price).text} (${t.strategy_id})`,
  });
  view.poll(60000, api.at('/trades', { instrument, newest: true, limit: 500, fresh: false }), null, (page) => {
    fills = api.rowsOf(page).map(mark);
    draw();
  });
  view.listen('fills', (data, isSnapshot) => {
    if (isSnapshot) return;
    fills = fills.slice(-FILLS);
    fills.push(
      ...listOf(data)
        .filter((t) => `${t.exchange}:${t.symbol}` === instrument)
        .map(mark),
    );
    draw();
  });
  return panel.add(drawing.node, el('details', {}, el('summary', {}, 'Exact figures'), exact.node));
}

function book(view, instrument) {
  const panel = view.panel('Book', { limit: 5000 });
  const state = el('p', { class: 'hint' });
  const side = (caption) =>
    table({
      caption,
      empty: 'no level',
      columns: [
        { label: 'Price', number: true, cell: ([price]) => f.price(price) },
        { label: 'Size', number: true, cell: ([, size, share]) => bar(size, share) },
      ],
    });
  const [asks, bids] = [side('Asks, the highest first'), side('Bids, the highest first')];
  const shared = (levels, most) => levels.map(([price, size]) => [price, size, most > 0 ? Number(size) / most : 0]);
  view.poll(1000, api.at('/book', { instrument, depth: LEVELS }), panel, (said) => {
    const most = Math.max(0, ...[...said.bids, ...said.asks].map(([, size]) => Number(size)));
    asks.rows(shared(said.asks, most).reverse());
    bids.rows(shared(said.bids, most));
    asks.node.hidden = bids.node.hidden = !said.is_synchronized;
    state.className = said.is_synchronized ? 'hint' : 'unknown';
    state.textContent = said.is_synchronized
      ? `in step with its venue, ${f.since(said.received).text}`
      : 'unknown: its feed has no depth, or waits to be in step with its venue';
    return said.is_synchronized ? view.when(said.received) : undefined;
  });
  return panel.add(asks.node, bids.node, state);
}

function bar(size, share) {
  const node = el('span', { class: 'share' }, f.quantity(size).text);
  node.style.setProperty('--share', `${Math.round(share * 100)}%`);
  return node;
}

function tape(view, instrument) {
  const panel = view.panel('Tape', { limit: 15000 });
  const shown = table({
    caption: `The newest trades of ${instrument}`,
    key: (t) => t.tick_id,
    columns: [
      { label: 'Time', cell: (t) => f.time(t.timestamp) },
      {
        label: 'Price',
        number: true,
        cell: (t) => ({
          ...f.price(t.last_price),
          class: `number ${{ buy: 'gain', sell: 'loss' }[t.aggressor_side] ?? ''}`,
        }),
      },
      { label: 'Size', number: true, cell: (t) => f.quantity(t.volume) },
      { label: 'Aggressor', cell: (t) => f.plain(t.aggressor_side) },
    ],
  });
  let newest = [];
  const draw = view.soon(200, () => shown.rows([...newest].reverse()));
  view.listen(`trades/${instrument}`, (data, isSnapshot) => {
    newest = [...(isSnapshot ? [] : newest), ...listOf(data)].slice(-TAPE);
    panel.mark(isSnapshot ? view.when(listOf(data).at(-1)?.received) : undefined);
    draw();
  });
  return panel.add(shown.node);
}
