// Elements. Whatever comes from the server becomes text nodes and attributes here; nothing is ever parsed as HTML.

/** An element with properties, listeners (`onclick`), attributes and children; `null` children are left out. */
export function el(tag, props = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props)) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith('on')) node.addEventListener(name.slice(2), value);
    else if (name === 'class') node.className = value;
    else if (name === 'value') node.value = value;
    else node.setAttribute(name, value === true ? '' : value);
  }
  node.append(...children.flat().filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** Shows a cell ({text, title, class}, a text or a node) in a node, touching only what differs. */
export function show(node, cell) {
  if (cell instanceof Node) {
    node.replaceChildren(cell);
    return node;
  }
  const {
    text,
    title = '',
    class: kind = '',
  } = typeof cell === 'object' && cell !== null ? cell : { text: String(cell) };
  if (node.textContent !== text) node.textContent = text;
  if (node.title !== title) node.title = title;
  const base = node.dataset.base ?? '';
  const all = kind && base ? `${base} ${kind}` : base || kind;
  if (node.className !== all) node.className = all;
  return node;
}

/** A figure with its label, for a definition list. `set` shows a new value. */
export function figure(label) {
  const value = el('dd', {}, 'unknown');
  value.className = 'unknown';
  return { node: el('div', { class: 'figure' }, el('dt', {}, label), value), set: (cell) => show(value, cell) };
}

/** A list of figures by key: `{equity: 'Equity', …}`; `set` takes cells by the same keys. */
export function figures(labels) {
  const all = Object.fromEntries(Object.entries(labels).map(([key, label]) => [key, figure(label)]));
  return {
    node: el(
      'dl',
      { class: 'figures' },
      Object.values(all).map((f) => f.node),
    ),
    set: (cells) => Object.entries(cells).forEach(([key, cell]) => all[key].set(cell)),
  };
}

/** Panels below each other, as wide as `kind` says. */
export const stack = (kind, ...panels) => el('div', { class: `stack ${kind}` }, panels);

/** A labelled control of a form. */
export function field(label, control, hint = null) {
  return el('label', { class: 'field' }, el('span', {}, label), control, hint && el('small', {}, hint));
}

/** A choice. `options` are values or [value, label] pairs. */
export function select(options, props = {}) {
  const node = el('select', props);
  setOptions(node, options, props.value);
  return node;
}

/** Gives a choice other options and keeps what was chosen, if it is among them. */
export function setOptions(node, options, value = node.value) {
  const pairs = options.map((option) => (Array.isArray(option) ? option : [option, option]));
  node.replaceChildren(...pairs.map(([key, label]) => el('option', { value: key }, label)));
  if (pairs.some(([key]) => key === value)) node.value = value;
}

/** A button. */
export function button(label, onclick, props = {}) {
  return el('button', { type: 'button', ...props, onclick }, label);
}

/**
 * A table that is updated in place, so that focus and selection stay. Columns are
 * `{label, cell(row), number, wide, node}`: `wide` ones are hidden on a phone, a `node` column is made once for a row by
 * `node(current)`, where `current()` is the newest state of the row.
 */
export function table({ caption, columns, key, empty = 'none' }) {
  const body = el('tbody');
  const head = el(
    'tr',
    {},
    columns.map((c) => el('th', { scope: 'col', class: classes(c) }, c.label)),
  );
  const none = el('p', { class: 'empty' }, empty);
  const node = el(
    'div',
    { class: 'scroll', role: 'region', 'aria-label': caption, tabindex: '0' },
    el('table', {}, el('caption', {}, caption), el('thead', {}, head), body),
    none,
  );
  const lines = new Map();
  const rows = (list) => {
    none.hidden = list.length > 0;
    const seen = new Set();
    list.forEach((row, place) => {
      const name = String(key ? key(row) : place);
      seen.add(name);
      const line = lines.get(name) ?? add(name);
      line.row = row;
      columns.forEach((c, n) => c.cell && show(line.cells[n], c.cell(row)));
      if (body.children[place] !== line.node) body.insertBefore(line.node, body.children[place] ?? null);
    });
    for (const [name, line] of lines) {
      if (seen.has(name)) continue;
      line.node.remove();
      lines.delete(name);
    }
  };
  const add = (name) => {
    const line = { row: null };
    line.cells = columns.map((c, n) => {
      const cell = el(n === 0 ? 'th' : 'td', n === 0 ? { scope: 'row' } : {});
      cell.dataset.base = classes(c);
      cell.className = cell.dataset.base;
      if (c.node) cell.append(c.node(() => line.row));
      return cell;
    });
    line.node = el('tr', {}, line.cells);
    lines.set(name, line);
    return line;
  };
  rows([]);
  return { node, rows };
}

const classes = (column) => [column.number ? 'number' : '', column.wide ? 'wide' : ''].filter(Boolean).join(' ');

let announcer = null;

/** Says something: seen in a corner, read by a screen reader. It passes, unless it `stays` until it is dismissed. */
export function say(text, kind = 'info', { stays = kind === 'error' } = {}) {
  announcer ??= document.getElementById('notices');
  const note = el('p', { class: `notice ${kind}` }, text);
  note.append(button('×', () => note.remove(), { 'aria-label': 'dismiss' }));
  announcer.append(note);
  if (!stays) setTimeout(() => note.remove(), 6000);
  return note;
}

/** Says that something is on its way until `work` has its answer. */
export async function sending(what, work) {
  const note = say(`${what}: sending …`, 'info', { stays: true });
  try {
    return await work();
  } finally {
    note.remove();
  }
}
