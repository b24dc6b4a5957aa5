// The WebSocket: one connection for the page, shared by its topics. It comes back by itself, with growing pauses; then
// every topic begins with a new snapshot, so that nothing old is taken for new. There is never more than one socket.

import { instant } from './format.js';

const FIRST_PAUSE = 500;
const LONGEST_PAUSE = 15000;
// Health speaks once a second: silence for this long is a dead connection that nobody closed.
const SILENCE = 10000;
// Topics of which no message may be missed; a hole in their numbers is answered with a new snapshot.
const WITHOUT_HOLES = new Set(['orders', 'fills', 'positions', 'trading', 'alerts', 'strategies']);

export class Stream extends EventTarget {
  #topics = new Map();
  #socket = null;
  #pause = FIRST_PAUSE;
  #timer = null;
  #heard = 0;
  #stopped = true;
  #ahead = 0;
  /** `connecting`, `open` or `lost`. */
  state = 'connecting';
  /** When the next attempt is made, by `Date.now()`. */
  next = 0;

  start() {
    this.#stopped = false;
    this.#connect();
    setInterval(() => this.#watch(), 1000);
    addEventListener('online', () => this.hurry());
    document.addEventListener('visibilitychange', () => document.hidden || this.hurry());
  }

  stop() {
    this.#stopped = true;
    clearTimeout(this.#timer);
    this.#socket?.close();
  }

  /** Tries again at once. */
  hurry() {
    if (this.state !== 'lost' || this.#stopped) return;
    clearTimeout(this.#timer);
    this.#connect();
  }

  /** Hears a topic; `hear(data, isSnapshot)`. Returns what ends it. `refused` hears why there is no such topic. */
  listen(topic, hear, refused = () => {}) {
    const entry = this.#topics.get(topic) ?? { listeners: new Set(), seq: null };
    const listener = { hear, refused };
    entry.listeners.add(listener);
    this.#topics.set(topic, entry);
    this.#say('subscribe', [topic]);
    return () => {
      entry.listeners.delete(listener);
      if (entry.listeners.size > 0 || this.#topics.get(topic) !== entry) return;
      this.#topics.delete(topic);
      this.#say('unsubscribe', [topic]);
    };
  }

  /** When a time of the server was by this browser's clock, as far as messages tell them apart; `null` for none. */
  when(text) {
    const at = instant(text);
    return at === null ? null : at + this.#ahead;
  }

  #connect() {
    if (this.#socket?.readyState === WebSocket.CONNECTING) return;
    const scheme = location.protocol === 'https:' ? 'wss' : 'ws';
    const socket = new WebSocket(`${scheme}://${location.host}/api/v1/stream`);
    this.#socket = socket;
    this.#heard = Date.now();
    const isMine = () => socket === this.#socket;
    socket.onopen = () => isMine() && this.#opened();
    socket.onmessage = (event) => isMine() && this.#receive(JSON.parse(event.data));
    socket.onclose = () => isMine() && this.#lost();
  }

  #opened() {
    this.#pause = FIRST_PAUSE;
    this.#become('open');
    this.#say('subscribe', [...this.#topics.keys()]);
  }

  #lost() {
    this.#socket = null;
    if (this.#stopped) return;
    // Jitter: many pages do not come back in the same instant.
    const pause = this.#pause * (0.5 + Math.random() / 2);
    this.#pause = Math.min(this.#pause * 2, LONGEST_PAUSE);
    this.next = Date.now() + pause;
    this.#become('lost');
    this.#timer = setTimeout(() => this.#connect(), pause);
  }

  #become(state) {
    this.state = state;
    this.dispatchEvent(new Event('state'));
  }

  #watch() {
    if (this.#socket && Date.now() - this.#heard > SILENCE) {
      const socket = this.#socket;
      this.#lost();
      socket.close();
    }
  }

  #say(op, topics) {
    if (topics.length > 0 && this.#socket?.readyState === WebSocket.OPEN)
      this.#socket.send(JSON.stringify({ op, topics }));
  }

  #receive(message) {
    this.#heard = Date.now();
    const written = instant(message.at);
    if (written !== null) this.#ahead = this.#heard - written;
    if (message.type === 'closing') {
      this.dispatchEvent(new CustomEvent('closing', { detail: message }));
      return;
    }
    if (message.type === 'error') {
      const entry = this.#topics.get(message.topic);
      entry?.listeners.forEach((listener) => listener.refused(message));
      if (!entry) this.dispatchEvent(new CustomEvent('refused', { detail: message }));
      return;
    }
    const entry = this.#topics.get(message.topic);
    if (!entry) return;
    const isSnapshot = message.type === 'snapshot';
    const hasHole = !isSnapshot && entry.seq !== null && message.seq !== entry.seq + 1;
    entry.seq = message.seq;
    if (hasHole && WITHOUT_HOLES.has(message.topic)) {
      entry.seq = null;
      this.#say('subscribe', [message.topic]);
      return;
    }
    entry.listeners.forEach((listener) => listener.hear(message.data, isSnapshot));
  }
}

/** What a topic says, always as a list. */
export const listOf = (data) => (Array.isArray(data) ? data : data === null || data === undefined ? [] : [data]);
