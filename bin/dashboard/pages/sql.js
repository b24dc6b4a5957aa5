// SQL: one SELECT over everything that is kept on this machine, as a table, a chart or a file.

import * as api from '../api.js';
import { chart, line } from '../charts.js';
import { button, el, field, select, setOptions, table } from '../dom.js';
import * as f from '../format.js';
import { namesOf, readRows } from './rows.js';

const REMEMBERED = 'merganser.sql';
const MOST_REMEMBERED = 50;
// Rows that are shown; a file holds all of them.
const SHOWN = 1000;
const FILES = {
  csv: 'text/csv',
  parquet: 'application/vnd.apache.parquet',
  arrow: 'application/vnd.apache.arrow.stream',
};
const FIRST =
  'select exchange, symbol, count(*) as ticks, max(timestamp) as newest from market_ticks group by all order by all';

export function build(view) {
  const panel = view.panel('Question', { wide: true });
  const editor = el('textarea', {
    rows: 6,
    spellcheck: 'false',
    autocapitalize: 'off',
    'aria-label': 'SQL',
    'data-filter': true,
    value: view.args.get('query') ?? remembered()[0] ?? FIRST,
  });
  const rows = el('input', { type: 'number', min: 1, max: 100000, value: 1000 });
  const seconds = el('input', { type: 'number', min: 1, max: 60, value: 10 });
  const fresh = el('input', { type: 'checkbox' });
  const past = select([], { 'aria-label': 'Questions before' });
  const state = el('p', { class: 'hint', role: 'status', 'aria-live': 'polite' });
  const run = el('button', { type: 'submit', class: 'primary' }, 'Run');
  const stop = button('Stop', () => running?.abort(), { disabled: true });
  const files = Object.keys(FILES).map((format) =>
    button(format.toUpperCase(), () => download(format), { title: `download the whole answer as ${format}` }),
  );
  const form = el(
    'form',
    {},
    editor,
    el(
      'div',
      { class: 'toolbar' },
      run,
      stop,
      field('Rows', rows),
      field('Seconds', seconds),
      el('label', { class: 'check' }, fresh, 'wait for the newest'),
      past,
      el('span', { class: 'actions' }, 'Download', files),
    ),
    state,
  );
  const answer = result(view);
  let running = null;

  const question = (format) => ({
    query: editor.value.trim(),
    format,
    max_rows: Number(rows.value),
    timeout_ms: Number(seconds.value) * 1000,
    scope: 'local',
    stale: !fresh.checked,
  });
  const listPast = () =>
    setOptions(
      past,
      [['', 'questions before'], ...remembered().map((query) => [query, query.replace(/\s+/g, ' ').slice(0, 80)])],
      '',
    );
  /** Sends the question; says how it went; `null` when there is no answer. */
  const send = async (format) => {
    running?.abort();
    const mine = (running = new AbortController());
    stop.disabled = false;
    panel.body.setAttribute('aria-busy', 'true');
    state.className = 'hint';
    state.textContent = 'running …';
    const began = performance.now();
    try {
      // It has its own limit of time, and a button that stops it.
      const how = { signal: mine.signal, within: null, asks: true };
      const read = (response) => (format === 'json' ? response.text() : response.blob());
      const body = await api.send('POST', '/sql', { body: question(format), read, ...how });
      remember(editor.value.trim());
      listPast();
      return { body, took: performance.now() - began };
    } catch (problem) {
      state.className = 'trouble';
      state.textContent = problem.name === 'AbortError' ? 'stopped' : (problem.line ?? problem.message);
      return null;
    } finally {
      if (mine === running) {
        stop.disabled = true;
        panel.body.removeAttribute('aria-busy');
      }
    }
  };
  const download = async (format) => {
    const said = await send(format);
    if (!said) return;
    const link = el('a', { href: URL.createObjectURL(said.body), download: `merganser.${format}` });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    state.textContent = `${f.bytes(said.body.size).text} of ${format} in ${f.span(said.took)}`;
  };
  const ask = async () => {
    const said = await send('json');
    if (!said || !view.isOpen) return;
    const found = readRows(said.body);
    state.textContent = `${f.count(found.rows.length).text} rows in ${f.span(said.took)}`;
    if (found.rows.length === 0) found.names = await columnsOf(editor.value.trim());
    answer.show(found);
  };
  form.addEventListener('submit', (event) => {
    event.preventDefault();
    ask();
  });
  editor.addEventListener('keydown', (event) => {
    if (event.key === 'Enter' && (event.ctrlKey || event.metaKey)) ask();
  });
  past.addEventListener('change', () => {
    if (past.value) editor.value = past.value;
  });
  view.onClose(() => running?.abort());
  listPast();
  view.root.append(el('h1', {}, 'SQL'), panel.add(form).node, answer.node);
  if (view.args.get('query')) ask();
}

/** The columns of an answer without rows; none where they cannot be known. */
async function columnsOf(query) {
  try {
    return (await api.select(namesOf(query), 10000)).map((column) => column.column_name);
  } catch {
    return [];
  }
}

function remembered() {
  try {
    return JSON.parse(localStorage.getItem(REMEMBERED)) ?? [];
  } catch {
    return [];
  }
}

function remember(query) {
  localStorage.setItem(
    REMEMBERED,
    JSON.stringify([query, ...remembered().filter((old) => old !== query)].slice(0, MOST_REMEMBERED)),
  );
}

/** The answer: a table of its columns, and a chart of two of them. */
function result(view) {
  const panel = view.panel('Answer', { wide: true });
  const place = el('div', {});
  const [x, y] = [select([], { 'aria-label': 'Across' }), select([], { 'aria-label': 'Up' })];
  const kind = select(
    [
      ['', 'no chart'],
      ['lines', 'line'],
      ['markers', 'points'],
      ['bar', 'bars'],
    ],
    { 'aria-label': 'Chart' },
  );
  const drawing = chart(view, 'A chart of the answer');
  drawing.node.hidden = true;
  let rows = [];
  let keys = [];
  const draw = () => {
    drawing.node.hidden = !kind.value || rows.length === 0 || y.value === '';
    if (drawing.node.hidden) return;
    const [left, right] = [x, y].map((choice) => keys.indexOf(choice.value));
    const across = rows.map((row) => row[left]);
    const up = rows.map((row) => f.forChart(row[right]));
    const trace = () =>
      kind.value === 'bar' ? { ...line(across, up), type: 'bar' } : { ...line(across, up), mode: kind.value };
    drawing.draw(() => [trace()]);
  };
  [x, y, kind].forEach((choice) => choice.addEventListener('change', draw));
  panel.add(el('div', { class: 'toolbar' }, kind, x, y), drawing.node, place);
  panel.node.hidden = true;
  const show = (found) => {
    rows = found.rows;
    panel.node.hidden = false;
    const columns = found.names.map((label, n) => ({
      label,
      number: isNumeric(rows, n),
      cell: (row) => cellOf(row[n]),
    }));
    keys = found.names.map((name, n) => (found.names.indexOf(name) === n ? name : `${name} (column ${n + 1})`));
    setOptions(x, keys);
    setOptions(
      y,
      keys.filter((_, n) => columns[n].number),
    );
    const shown = table({
      caption: rows.length > SHOWN ? `The first ${SHOWN} of ${rows.length} rows` : 'Rows',
      empty: 'no row',
      columns,
    });
    shown.rows(rows.slice(0, SHOWN));
    const hint = f.cut(Math.min(SHOWN, rows.length), rows.length, 'a file holds all of them');
    place.replaceChildren(el('p', { class: 'hint' }, hint), shown.node);
    draw();
  };
  return { node: panel.node, show };
}

// What the server writes of a number, also of one that is none.
const NUMBER = /^(-?\d+(\.\d+)?(e[+-]?\d+)?|NaN|-?inf)$/i;

function isNumeric(rows, n) {
  return rows.some((row) => row[n] !== null) && rows.every((row) => row[n] === null || NUMBER.test(row[n]));
}

const cellOf = (value) => (value === null ? { text: 'NULL', class: 'unknown' } : { text: value });
