// The HTTP API. The session is a cookie that no script can read; whatever changes something carries the header that
// only this page sends. A refusal becomes a `Problem` with the document's own words; so does silence, after a while.

const BASE = '/api/v1';
// Milliseconds that an answer is waited for, where nothing else is said.
const PATIENCE = 10000;

/** A refusal: what was wrong and what to do next. */
export class Problem extends Error {
  constructor(status, document) {
    super(document.detail || document.title || `the server answered ${status}`);
    this.status = status;
    this.code = document.code ?? null;
    this.title = document.title ?? null;
  }

  /** In one line, for people. */
  get line() {
    const title = this.title && this.title !== this.message ? `${this.title}: ` : '';
    return `${title}${this.message}${this.code ? ` (${this.code})` : ''}`;
  }
}

/** Told when the session is over. */
export const session = new EventTarget();

// Questions that give way: a browser opens six connections to a host, and a kill switch may not wait behind polls.
const yielding = new Set();

/**
 * Sends a request and gives what `read` makes of its response; a refusal is thrown as a `Problem`, and so is no answer
 * `within` so many milliseconds. What `asks` changes nothing; what `yields` is aborted by whatever changes something.
 */
export async function send(method, path, { body, key, signal, read = answer, ...how } = {}) {
  const { within = PATIENCE, asks = method === 'GET', yields = false } = how;
  if (!asks) yielding.forEach((question) => question.abort());
  const own = new AbortController();
  if (yields) yielding.add(own);
  try {
    const response = await fetch(BASE + path, {
      method,
      headers: headersOf(method, body, key),
      signal: AbortSignal.any([own.signal, signal, within && AbortSignal.timeout(within)].filter(Boolean)),
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: 'same-origin',
    });
    if (response.ok) return await read(response);
    throw await problemOf(response);
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    if (!(error instanceof Problem)) throw silence(asks, error.name === 'TimeoutError' ? within : null);
    const isOver = error.status === 401 && !(method === 'POST' && path === '/session');
    if (isOver) session.dispatchEvent(new Event('over'));
    throw error;
  } finally {
    yielding.delete(own);
  }
}

function headersOf(method, body, key) {
  const headers = { Accept: 'application/json' };
  if (method !== 'GET') headers['X-Merganser'] = '1';
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  if (key) headers['Idempotency-Key'] = key;
  return headers;
}

/** No answer: of a question that is all, of anything else it is not known whether it was done. */
function silence(asks, waited) {
  return new Problem(0, {
    title: waited ? `no answer within ${waited / 1000} s` : 'no answer',
    detail: asks
      ? 'merganser does not answer; is it running?'
      : 'it is not known whether this arrived; look at the state, then send it again',
  });
}

async function problemOf(response) {
  const text = await response.text();
  try {
    return new Problem(response.status, JSON.parse(text));
  } catch {
    return new Problem(response.status, { detail: text.trim() || `the server answered ${response.status}` });
  }
}

async function answer(response) {
  const text = await response.text();
  try {
    return text ? JSON.parse(text) : null;
  } catch {
    return text;
  }
}

export const get = (path, options) => send('GET', path, options);
export const post = (path, body, options) => send('POST', path, { ...options, body });
export const patch = (path, body, options) => send('PATCH', path, { ...options, body });
export const remove = (path, options) => send('DELETE', path, options);

/** A question that is too long for a path. */
export const ask = (path, body, options) => post(path, body, { ...options, asks: true });

/** A question in SQL about what this machine keeps; it may take longer than others. */
export const select = (query, rows, { stale = true, ...options } = {}) =>
  ask('/sql', { query, format: 'json', max_rows: rows, scope: 'local', stale }, { within: 30000, ...options });

/** A path with its query; what is empty is left out. */
export function at(path, query) {
  const pairs = Object.entries(query).filter(([, value]) => value !== '' && value !== null && value !== undefined);
  return pairs.length ? `${path}?${new URLSearchParams(pairs)}` : path;
}

/** The rows of a page of history, or of an answer that is one list. */
export const rowsOf = (page) => (Array.isArray(page) ? page : (page?.rows ?? []));

/** A fresh key by which a repeated request is known as the same. */
export function freshKey() {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}
