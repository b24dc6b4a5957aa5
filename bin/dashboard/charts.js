// Charts, for the eye: drawn by the plotly script that the binary carries, loaded when the first one is needed, in the
// colours of the theme. The exact figures stand in tables beside them.

import { el } from './dom.js';

// Milliseconds in which an axis moves to its new place.
const MOVES = 150;

let script = null;

function plotly() {
  script ??= new Promise((resolve, reject) => {
    const node = el('script', { src: new URL('plotly.js', import.meta.url).href });
    node.onload = () => resolve(window.Plotly);
    node.onerror = () => {
      script = null;
      node.remove();
      reject(new Error('the chart script did not load; reload the page'));
    };
    document.head.append(node);
  });
  return script;
}

/** A colour of the theme, as `--gain`. */
export const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

/** Whether things may move. */
const isCalm = () => matchMedia('(prefers-reduced-motion: reduce)').matches;

function layout(extra) {
  const grid = colour('--line');
  const axis = {
    gridcolor: grid,
    zerolinecolor: grid,
    linecolor: grid,
    automargin: true,
    exponentformat: 'none',
    separatethousands: true,
  };
  return {
    paper_bgcolor: 'transparent',
    plot_bgcolor: 'transparent',
    margin: { l: 8, r: 8, t: 8, b: 8 },
    showlegend: false,
    font: { color: colour('--quiet'), size: 11, family: colour('--font') },
    hovermode: 'x unified',
    dragmode: 'pan',
    hoverlabel: { bgcolor: colour('--raised'), bordercolor: grid, font: { color: colour('--ink') } },
    transition: { duration: isCalm() ? 0 : MOVES },
    ...extra,
    xaxis: { ...axis, ...extra.xaxis },
    yaxis: { ...axis, side: 'right', ...extra.yaxis },
  };
}

/**
 * A place for a chart. `draw(traces, layout)` draws it or changes it; both are functions, because the colours may change.
 * `label` says in words what is seen.
 */
export function chart(view, label, kind = '') {
  const node = el('div', { class: `chart ${kind}`, role: 'img', 'aria-label': label });
  let last = null;
  let isDrawn = false;
  const draw = async (traces, extra = () => ({})) => {
    last = [traces, extra];
    const library = await plotly();
    if (!view.isOpen || last[0] !== traces || !node.isConnected) return;
    const config = { displayModeBar: false, responsive: true, scrollZoom: false };
    await library.react(node, traces(), layout(extra()), config);
    isDrawn = true;
  };
  view.on(window, 'merganser-theme', () => last && draw(...last));
  // Later than the last movement, which would find nothing of the chart that it moves.
  view.onClose(() => isDrawn && setTimeout(() => window.Plotly.purge(node), 2 * MOVES));
  return { node, draw };
}

/** The library reads markup in names and texts; what comes from outside is none. */
const ESCAPES = { '&': '&amp;', '<': '&lt;', '>': '&gt;' };
const plain = (text) => (typeof text === 'string' ? text.replace(/[&<>]/g, (sign) => ESCAPES[sign]) : text);

/** A line over time with a soft area below it. */
export function line(x, y, { name = '', colour: paint = '--accent', fill = false, shape = 'linear' } = {}) {
  return {
    type: 'scatter',
    mode: 'lines',
    x: x.map(plain),
    y,
    name: plain(name),
    connectgaps: false,
    line: { color: colour(paint), width: 1.6, shape },
    ...(fill && { fill: 'tozeroy', fillcolor: `${colour(paint)}1a` }),
  };
}

/** Candles of bars whose prices are numbers already. */
export function candles(bars) {
  const side = (name) => ({ line: { color: colour(name), width: 1 }, fillcolor: colour(name) });
  const column = (name) => bars.map((bar) => bar[name]);
  return {
    type: 'candlestick',
    x: column('at'),
    open: column('open'),
    high: column('high'),
    low: column('low'),
    close: column('close'),
    name: '',
    increasing: side('--gain'),
    decreasing: side('--loss'),
  };
}

/** Marks of our fills: up for bought, down for sold. */
export function marks(fills, side) {
  const bought = side === 'buy';
  const mine = fills.filter((fill) => fill.side === side);
  return {
    type: 'scatter',
    mode: 'markers',
    x: mine.map((f) => f.at),
    y: mine.map((f) => f.price),
    name: bought ? 'bought' : 'sold',
    text: mine.map((f) => plain(f.text)),
    hovertemplate: '%{text}<extra></extra>',
    marker: {
      symbol: bought ? 'triangle-up' : 'triangle-down',
      size: 11,
      color: colour(bought ? '--mark-buy' : '--mark-sell'),
      line: { color: colour('--ground'), width: 1 },
    },
  };
}
