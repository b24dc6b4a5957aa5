//! What a frame does: market data is noted for gaps and history, signals move the connection on.

use std::time::Duration;

use messages::UtcNanos;
use messages::market::{FeedItem, Tick, TickBody};

use super::AlpacaSession;
use super::connection::Stage;
use crate::feeds::alpaca::Signal;
use crate::feeds::alpaca::codes::{Action, action};
use crate::feeds::session::{Notice, Out, Undecodable};
use crate::wire::DecodeError;

/// Bytes of a frame that could not be decoded that are kept.
const KEPT: usize = 4_096;
/// A bar of a minute comes when that is over.
const MINUTE: Duration = Duration::from_secs(60);

impl AlpacaSession {
    pub(super) fn on_frame(&mut self, frame: &[u8], now: UtcNanos, out: &mut Out) {
        self.counters.frames += 1;
        self.counters.bytes += frame.len() as u64;
        if let Some(connection) = self.connection() {
            connection.heard = now;
        }
        let before = self.before();
        let decoded = self.decoder.decode(frame, now, &mut out.items);
        let faults = self.decoder.take_faults();
        if let Err(error) = decoded.as_ref().map_err(DecodeError::to_string)
            && faults.is_empty()
        {
            self.set_aside(error, frame, out);
            return self.reconnect_soon("a frame cannot be read, and nobody knows what it said", now, out);
        }
        self.note(now, out);
        for fault in faults {
            self.set_aside(fault.error.to_string(), fault.text.as_bytes(), out);
            self.on_fault(&fault, before, now, out);
        }
        for signal in self.decoder.take_signals() {
            // What stands behind an error that ended the connection is of no connection any more.
            if self.connection().is_none() {
                break;
            }
            self.on_signal(signal, now, out);
        }
    }

    fn set_aside(&mut self, error: String, text: &[u8], out: &mut Out) {
        self.counters.undecodable += 1;
        out.undecodable.push(Undecodable { error, frame: text[..text.len().min(KEPT)].to_vec() });
    }

    /// Notes what came; gaps that it closes stand behind it.
    fn note(&mut self, now: UtcNanos, out: &mut Out) {
        let mut gaps = Vec::new();
        let mut newest = None;
        for item in &out.items {
            let (instrument, time) = match item {
                FeedItem::Tick(tick) => (tick.instrument, Some(tick.time)),
                FeedItem::Depth(depth) => (depth.instrument, Some(depth.time)),
                FeedItem::Bar(bar) => (bar.instrument, Some(bar.open_time.after(MINUTE))),
                FeedItem::Gap(_) => continue,
            };
            newest = newest.max(time);
            let Some(watched) = self.symbols.get_mut(&instrument.symbol) else { continue };
            watched.last = Some(now);
            match item {
                FeedItem::Tick(tick @ Tick { body: TickBody::Trade { .. }, .. }) => watched.trade(tick, now),
                FeedItem::Tick(_) => watched.quote(now, &mut gaps),
                FeedItem::Depth(depth) => {
                    let before = watched.resyncs;
                    watched.book(depth, now, &mut gaps);
                    self.counters.resyncs += watched.resyncs - before;
                }
                FeedItem::Bar(_) | FeedItem::Gap(_) => {}
            }
        }
        // A message from the future must not move history's beginning behind what is missing.
        let said = newest;
        let newest = newest.map(|time: UtcNanos| time.min(now));
        if let Some(connection) = self.connection() {
            connection.said = connection.said.max(said);
            connection.newest = connection.newest.max(newest);
            connection.fed = Some(now).filter(|_| !out.items.is_empty()).or(connection.fed);
        }
        self.report(gaps, out);
    }

    fn on_signal(&mut self, signal: Signal, now: UtcNanos, out: &mut Out) {
        match signal {
            Signal::Connected => {}
            Signal::Authenticated => self.authenticated(now, out),
            Signal::Subscribed(channels) => self.subscribed(&channels, now, out),
            Signal::Error { code, text } => self.on_error(code, &text, now, out),
            Signal::Trading { symbol, halted, text } => {
                let what = if halted { "trading is halted" } else { "trading goes on" };
                let text = format!("{symbol}: {what}: {text}");
                out.notices.push(if halted { Notice::Warning(text) } else { Notice::Info(text) });
            }
        }
    }

    fn authenticated(&mut self, now: UtcNanos, out: &mut Out) {
        if let Some(connection) = self.connection().filter(|connection| connection.stage == Stage::Authenticating) {
            connection.stage = Stage::Subscribing;
            self.tell_channels(out);
            self.subscribe(now, out);
        }
    }

    /// Tells once which channels were asked for that the feed does not have.
    fn tell_channels(&self, out: &mut Out) {
        let feed = self.settings.feed;
        let missing = self.settings.channels.iter().filter(|channel| !channel.is_in(feed));
        let names: Vec<&str> = missing.map(|channel| channel.name()).collect();
        if self.counters.connects == 1 && !names.is_empty() {
            out.notices.push(Notice::Warning(format!("{} has no {}", feed.path(), names.join(", "))));
        }
    }

    fn subscribed(&mut self, channels: &[(String, Vec<String>)], now: UtcNanos, out: &mut Out) {
        self.subscriptions.acknowledged(channels, now);
        let resumed = self.acknowledged(now, out);
        self.plan_backfill(&resumed, now, out);
        self.subscribe(now, out);
    }

    fn on_error(&mut self, code: u32, text: &str, now: UtcNanos, out: &mut Out) {
        self.counters.errors += 1;
        let why = format!("the venue says {code}: {text}");
        match action(code) {
            Action::Ignore => return,
            Action::Reconnect => return self.reconnect_soon(&why, now, out),
            Action::Fail => return self.fail(why, out),
            Action::WaitForSlot => {
                let wait = self.slot.next_wait();
                return self.reconnect(&why, wait, now, out);
            }
            Action::Split => self.subscriptions.wrong(&why, now),
            Action::Refuse => self.subscriptions.impossible(&why, now),
            Action::Shrink => self.subscriptions.too_many(now),
            Action::Slow | Action::Tell => {}
        }
        out.notices.push(Notice::Warning(why));
        self.subscribe(now, out);
    }
}
