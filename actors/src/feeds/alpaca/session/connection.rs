//! The life of the connection: opened, authenticated, lost, given up when something does not come in time.

use std::time::Duration;

use messages::market::GapCause;
use messages::{Symbol, UtcNanos};

use super::AlpacaSession;
use crate::feeds::alpaca::watch::OVERLAP;
use crate::feeds::session::{Do, Notice, Out};
use crate::wire::Link;

/// A connection that takes longer to open is given up.
const CONNECT_WITHIN: Duration = Duration::from_secs(20);
/// Alpaca closes a connection that has not proved itself in ten seconds; so do we.
const AUTHENTICATE_WITHIN: Duration = Duration::from_secs(10);
/// An answer to a subscription comes at once or not at all.
const ACKNOWLEDGE_WITHIN: Duration = Duration::from_secs(10);

/// A connection that held for so long is a success. One that is acknowledged and lost at once is none: a venue that is
/// overloaded must not be called as fast as it answers.
const HELD: Duration = Duration::from_secs(60);

/// How far a connection has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stage {
    Connecting,
    Authenticating,
    Subscribing,
    Live,
}

/// What did not come in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Overdue {
    Opening,
    Authentication,
    Acknowledgement,
    Life,
}

impl Overdue {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Opening => "the connection does not open",
            Self::Authentication => "the venue does not authenticate us",
            Self::Acknowledgement => "the venue does not acknowledge the subscription",
            Self::Life => "the connection is silent",
        }
    }
}

#[derive(Debug)]
pub(super) struct Connection {
    pub(super) link: Link,
    pub(super) stage: Stage,
    /// When it was begun, and from when it is open on, when it opened.
    pub(super) since: UtcNanos,
    pub(super) opened: Option<UtcNanos>,
    /// When it last showed life.
    pub(super) heard: UtcNanos,
    /// When market data was last received.
    pub(super) fed: Option<UtcNanos>,
    /// The newest time of a message, as the venue wrote it.
    pub(super) said: Option<UtcNanos>,
    /// The newest time of a message, in the venue's time, and never ahead of ours.
    pub(super) newest: Option<UtcNanos>,
}

#[derive(Debug)]
pub(super) enum State {
    /// Not begun.
    Idle,
    Connected(Connection),
    /// To connect again at an instant.
    Waiting(UtcNanos, String),
    /// Not to connect before an instant, where a wait was under way.
    Paused(&'static str, Option<UtcNanos>),
    Failed(String),
}

impl AlpacaSession {
    pub(super) fn connection(&mut self) -> Option<&mut Connection> {
        match &mut self.state {
            State::Connected(connection) => Some(connection),
            _ => None,
        }
    }

    pub(super) fn is_current(&self, link: Link) -> bool {
        matches!(&self.state, State::Connected(connection) if connection.link == link)
    }

    pub(super) fn connect(&mut self, now: UtcNanos, out: &mut Out) {
        self.links += 1;
        let link = Link(self.links);
        let url = format!("{}{}", self.settings.stream_url, self.settings.feed.path());
        out.effects.push(Do::Open { link, url, headers: self.settings.keys.headers() });
        let stage = Stage::Connecting;
        let (opened, fed, said, newest) = (None, None, None, None);
        let connection = Connection { link, stage, since: now, opened, heard: now, fed, said, newest };
        self.state = State::Connected(connection);
    }

    pub(super) fn opened(&mut self, now: UtcNanos) {
        self.counters.connects += 1;
        if let Some(connection) = self.connection() {
            connection.opened = Some(now);
            connection.heard = now;
            connection.since = now;
            connection.stage = Stage::Authenticating;
        }
    }

    /// From when on, in the venue's time, what the connection does not bring any more is missing; `None` before it is open.
    pub(super) fn missing_from(&self) -> Option<UtcNanos> {
        let State::Connected(connection) = &self.state else { return None };
        let opened = connection.opened?.before(self.delay());
        Some(connection.newest.unwrap_or(opened).before(OVERLAP))
    }

    /// The connection is gone or to be given up: opens the gaps. Does not say what comes next.
    pub(super) fn leave(&mut self, cause: GapCause, out: &mut Out) {
        let start = self.missing_from();
        if !matches!(self.state, State::Connected(_)) {
            return;
        }
        let State::Connected(connection) = std::mem::replace(&mut self.state, State::Idle) else { return };
        out.effects.push(Do::Close(connection.link));
        self.subscriptions.disconnected();
        let bars = self.backfill.clear();
        self.bars_from = self.bars_from.into_iter().chain(bars).min();
        let Some(start) = start else { return };
        self.counters.disconnects += 1;
        let symbols: Vec<Symbol> = self.symbols.keys().copied().collect();
        self.lose(&symbols, cause, connection.fed, start, out);
        if connection.stage == Stage::Live && self.bars_stand_for_trades() {
            self.bars_from.get_or_insert(start);
        }
    }

    /// The connection is gone: to connect again after a while.
    pub(super) fn reconnect(&mut self, why: &str, wait: Duration, now: UtcNanos, out: &mut Out) {
        self.leave(GapCause::Disconnect, out);
        out.notices.push(Notice::Warning(format!("{why}; connecting again in {} ms", wait.as_millis())));
        self.state = State::Waiting(now.after(wait), why.to_owned());
    }

    /// Waits begin anew after a connection that held.
    pub(super) fn credit(&mut self, now: UtcNanos) {
        let held = |connection: &Connection| connection.opened.is_some_and(|opened| opened.after(HELD) <= now);
        if matches!(&self.state, State::Connected(connection) if connection.stage == Stage::Live && held(connection)) {
            self.backoff.succeeded();
            self.slot.succeeded();
        }
    }

    pub(super) fn reconnect_soon(&mut self, why: &str, now: UtcNanos, out: &mut Out) {
        self.credit(now);
        let wait = self.backoff.next_wait();
        self.reconnect(why, wait, now, out);
    }

    pub(super) fn fail(&mut self, why: String, out: &mut Out) {
        self.leave(GapCause::Disconnect, out);
        out.notices.push(Notice::Fatal(why.clone()));
        self.state = State::Failed(why);
    }

    pub(super) fn on_timer(&mut self, now: UtcNanos, out: &mut Out) {
        match &self.state {
            State::Waiting(at, _) if *at <= now => self.connect(now, out),
            State::Connected(connection) => {
                if let Some((_, overdue)) = self.deadline(connection).filter(|(at, _)| *at <= now) {
                    self.missed(overdue, now, out);
                }
            }
            _ => {}
        }
        if self.subscriptions.due().is_some_and(|at| at <= now) {
            self.subscribe(now, out);
        }
        self.fetch(now, out);
    }

    /// What the connection must do next, and by when.
    pub(super) fn deadline(&self, connection: &Connection) -> Option<(UtcNanos, Overdue)> {
        let silence = (connection.heard.after(self.settings.silence), Overdue::Life);
        let stage = match connection.stage {
            Stage::Connecting => return Some((connection.since.after(CONNECT_WITHIN), Overdue::Opening)),
            Stage::Authenticating => Some((connection.since.after(AUTHENTICATE_WITHIN), Overdue::Authentication)),
            Stage::Subscribing | Stage::Live => {
                let asked = self.subscriptions.asked_at();
                asked.map(|at| (at.after(ACKNOWLEDGE_WITHIN), Overdue::Acknowledgement))
            }
        };
        stage.into_iter().chain([silence]).min()
    }

    pub(super) fn missed(&mut self, overdue: Overdue, now: UtcNanos, out: &mut Out) {
        if overdue == Overdue::Acknowledgement && !self.subscriptions.unanswered() {
            return self.subscribe(now, out);
        }
        self.reconnect_soon(overdue.as_str(), now, out);
    }
}
