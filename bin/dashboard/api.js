// The HTTP API. The session is a cookie that no script can read; whatever changes something carries the header that
// only this page sends. A refusal becomes a `Problem` with the document's own words.

const BASE = '/api/v1';

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

/** Sends a request and answers the response; a refusal is thrown as a `Problem`. */
export async function send(method, path, { body, key, signal } = {}) {
  const headers = { Accept: 'application/json' };
  if (method !== 'GET') headers['X-Merganser'] = '1';
  if (body !== undefined) headers['Content-Type'] = 'application/json';
  if (key) headers['Idempotency-Key'] = key;
  let response;
  try {
    response = await fetch(BASE + path, {
      method,
      headers,
      signal,
      body: body === undefined ? undefined : JSON.stringify(body),
      credentials: 'same-origin',
    });
  } catch (error) {
    if (error.name === 'AbortError') throw error;
    throw new Problem(0, {
      title: 'no answer',
      detail: 'merganser does not answer; is it running? The page asks again by itself',
    });
  }
  if (response.ok) return response;
  const problem = await problemOf(response);
  if (response.status === 401 && !(method === 'POST' && path === '/session')) session.dispatchEvent(new Event('over'));
  throw problem;
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

export const get = async (path, options) => answer(await send('GET', path, options));
export const post = async (path, body, options) => answer(await send('POST', path, { ...options, body }));
export const patch = async (path, body, options) => answer(await send('PATCH', path, { ...options, body }));
export const remove = async (path, options) => answer(await send('DELETE', path, options));

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
