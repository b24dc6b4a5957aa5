// How values are shown. Numbers arrive as texts of decimals and stay texts: rounding and sums are done on their digits,
// never by a float. What is unknown says so. A function answers a cell: {text, title, class}.

const UNKNOWN = { text: 'unknown', class: 'unknown', title: 'not known to the runtime' };
const UNITS = ['B', 'KiB', 'MiB', 'GiB', 'TiB'];

export const isUnknown = (value) => value === null || value === undefined || value === '';
export const unknown = () => UNKNOWN;

/** Any text. */
export const plain = (value) => (isUnknown(value) ? UNKNOWN : { text: String(value) });

/** Words that the tables write with underscores. */
export const words = (value) => (isUnknown(value) ? UNKNOWN : { text: String(value).replaceAll('_', ' ') });

/** A decimal as whole number and scale, exactly. `null` for what is none. */
export function exact(text) {
  const found = /^([+-]?)(\d+)(?:\.(\d*))?$/.exec(String(text ?? '').trim());
  if (!found) return null;
  const [, sign, whole, part = ''] = found;
  const raw = BigInt(whole + part);
  return { raw: sign === '-' ? -raw : raw, scale: part.length };
}

/** The sum of decimals as a text; `null` when one of them is unknown. */
export function sum(texts) {
  let total = { raw: 0n, scale: 0 };
  for (const text of texts) {
    const next = exact(text);
    if (!next) return null;
    const scale = Math.max(total.scale, next.scale);
    total = { raw: scaled(total, scale) + scaled(next, scale), scale };
  }
  return write(total);
}

const scaled = ({ raw, scale }, to) => raw * 10n ** BigInt(to - scale);

function write({ raw, scale }) {
  const digits = String(raw < 0n ? -raw : raw).padStart(scale + 1, '0');
  const at = digits.length - scale;
  return (raw < 0n ? '-' : '') + digits.slice(0, at) + (scale ? `.${digits.slice(at)}` : '');
}

/** The decimal rounded half away from zero, as it is shown to eyes. */
function rounded(value, digits) {
  if (value.scale <= digits) return value;
  const step = 10n ** BigInt(value.scale - digits);
  const size = value.raw < 0n ? -value.raw : value.raw;
  const up = (size + step / 2n) / step;
  return { raw: value.raw < 0n ? -up : up, scale: digits };
}

/** Groups of three, and as many digits after the point as there are, at least `least`. */
function grouped(text, least) {
  const [whole, part = ''] = text.replace('-', '').split('.');
  const rest = part.replace(/0+$/, '').padEnd(least, '0');
  const groups = whole.replace(/\B(?=(\d{3})+$)/g, ',');
  return (text.startsWith('-') ? '−' : '') + groups + (rest ? `.${rest}` : '');
}

/** A price, with all the digits that it has. */
export function price(text) {
  const value = exact(text);
  return value ? { text: grouped(write(value), 2), class: 'number' } : UNKNOWN;
}

/** Digits before the point; of what is below 0.1, less than nothing: the zeros behind it. */
const magnitude = ({ raw, scale }) => String(raw < 0n ? -raw : raw).length - scale;

/** A price that was computed, to eight digits that count; all of it is in the title. */
export function average(text) {
  const value = exact(text);
  if (!value) return UNKNOWN;
  const digits = Math.max(2, 8 - magnitude(value));
  return { text: grouped(write(rounded(value, digits)), 2), title: text, class: 'number' };
}

/** A quantity, with all the digits that it has. */
export function quantity(text) {
  const value = exact(text);
  return value ? { text: grouped(write(value), 0), class: 'number' } : UNKNOWN;
}

/** Digits of an amount that are shown: small ones need more, so that what is something never reads as nothing. */
function places(value) {
  const size = magnitude(value);
  return value.raw === 0n || size > 0 ? 2 : Math.max(6, 2 - size);
}

/** Money to two digits, below 1 to six and more; the exact amount is in the title. */
export function money(text, currency = '') {
  const value = exact(text);
  if (!value) return UNKNOWN;
  const unit = currency ? ` ${currency}` : '';
  return { text: grouped(write(rounded(value, places(value))), 2) + unit, title: `${text}${unit}`, class: 'number' };
}

/** Money won or lost: a sign as well as a colour. */
export function result(text, currency = '') {
  const value = exact(text);
  if (!value) return UNKNOWN;
  const shown = money(text, currency);
  if (value.raw === 0n) return shown;
  const won = value.raw > 0n;
  return { ...shown, text: (won ? '+' : '') + shown.text, class: `number ${won ? 'gain' : 'loss'}` };
}

/** A decimal to `digits` digits, as a leverage. */
export function ratio(text, digits = 2, unit = '') {
  const value = exact(text);
  return value
    ? { text: grouped(write(rounded(value, digits)), digits) + unit, title: text, class: 'number' }
    : UNKNOWN;
}

/** A count of things. */
export function count(value) {
  return isUnknown(value) ? UNKNOWN : { text: grouped(String(value), 0), class: 'number' };
}

/** That not all is shown; nothing where it is. */
export const cut = (shown, all, more) =>
  shown < all ? `${count(shown).text} of ${count(all).text} shown; ${more}` : '';

/** Bytes in the unit that suits. */
export function bytes(value) {
  if (isUnknown(value)) return UNKNOWN;
  const power = value > 0 ? Math.min(Math.floor(Math.log2(value) / 10), UNITS.length - 1) : 0;
  const shown = power ? (value / 1024 ** power).toFixed(1) : String(value);
  return { text: `${shown} ${UNITS[power]}`, title: `${value} bytes`, class: 'number' };
}

/** Milliseconds since 1970 of a UTC text, of one in ISO 8601, or of whole nanoseconds; `null` for none. */
export function instant(text) {
  if (isUnknown(text)) return null;
  if (typeof text === 'number') return Math.floor(text / 1e6);
  const at = Date.parse(/[Zz]|[+-]\d\d:\d\d$/.test(text) ? text : `${String(text).replace(' ', 'T')}Z`);
  return Number.isNaN(at) ? null : at;
}

/** A UTC time of today by its clock, another with its day. */
export function time(text) {
  const at = instant(text);
  if (at === null) return UNKNOWN;
  const iso = new Date(at).toISOString();
  const isToday = iso.slice(0, 10) === new Date().toISOString().slice(0, 10);
  const shown = isToday ? iso.slice(11, 23) : `${iso.slice(0, 10)} ${iso.slice(11, 19)}`;
  return { text: shown, title: `${iso.slice(0, 10)} ${iso.slice(11, 23)} UTC`, class: 'time' };
}

/** A span of time in its two largest units. */
export function span(ms) {
  if (ms === null || ms === undefined) return 'unknown';
  if (ms < 1000) return `${Math.max(0, Math.round(ms))} ms`;
  const seconds = Math.floor(ms / 1000);
  const parts = [
    [Math.floor(seconds / 86400), 'd'],
    [Math.floor(seconds / 3600) % 24, 'h'],
    [Math.floor(seconds / 60) % 60, 'm'],
    [seconds % 60, 's'],
  ];
  const first = parts.findIndex(([size]) => size > 0);
  return parts
    .slice(first, first + 2)
    .filter(([size]) => size > 0)
    .map(([size, unit]) => `${size} ${unit}`)
    .join(' ');
}

/** How long ago a UTC time was, by this browser's clock. */
export function since(text) {
  const at = instant(text);
  return at === null
    ? UNKNOWN
    : { text: `${span(Math.max(0, Date.now() - at))} ago`, title: time(text).title, class: 'time' };
}

/** A number for the eye of a chart, never for a figure; `null` where it is unknown. */
export const forChart = (text) => (isUnknown(text) ? null : Number(text));

/** The first letters of an id; all of it is in the title. */
export const id = (value) =>
  isUnknown(value) ? UNKNOWN : { text: String(value).slice(0, 8), title: value, class: 'id' };
