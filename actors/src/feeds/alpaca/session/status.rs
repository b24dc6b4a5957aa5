//! How the session stands, for people and metrics.

use messages::{Symbol, UtcNanos};

use super::AlpacaSession;
use super::connection::{Connection, Stage, State};
use crate::feeds::alpaca::Counted;
use crate::feeds::alpaca::watch::Watched;
use crate::feeds::session::{Counters, LinkStatus, Status, SymbolStatus};

impl AlpacaSession {
    pub(super) fn status_at(&self, now: UtcNanos) -> Status {
        let (state, why) = match &self.state {
            State::Idle => ("connecting", None),
            State::Connected(connection) => (stage_name(connection.stage), None),
            State::Waiting(_, why) => ("waiting", Some(why.clone())),
            State::Paused(why, _) => ("paused", Some((*why).to_owned())),
            State::Failed(why) => ("failed", Some(why.clone())),
        };
        Status {
            state: state.to_owned(),
            why,
            links: self.link_status().into_iter().collect(),
            symbols: self.subscriptions.wanted().iter().filter_map(|symbol| self.symbol_status(*symbol, now)).collect(),
            counters: self.counters(),
        }
    }

    fn counters(&self) -> Counters {
        let Counted { corrections, cancels, statuses, bands, unusable_bars } = self.decoder.counted;
        Counters { corrections, cancels, statuses, bands, unusable_bars, ..self.counters }
    }

    fn link_status(&self) -> Option<LinkStatus> {
        let State::Connected(Connection { link, stage, opened, .. }) = &self.state else { return None };
        let streams = self.subscriptions.whole().len() * self.subscriptions.channels().len();
        Some(LinkStatus { link: link.0, state: stage_name(*stage).to_owned(), since: *opened, streams })
    }

    /// Whether the market whose data comes now was open when that was fresh.
    fn is_open(&self, now: UtcNanos) -> bool {
        let feed = self.settings.feed;
        self.settings.calendar.is_open(feed.sessions(), now.before(feed.delay()))
    }

    fn symbol_status(&self, symbol: Symbol, now: UtcNanos) -> Option<SymbolStatus> {
        let watched = self.symbols.get(&symbol)?;
        let state = match watched.last {
            _ if !watched.is_subscribed() => "lost",
            Some(_) if !watched.is_stale(now, self.settings.stale_after) => "live",
            _ if !self.is_open(now) => "closed",
            None => "silent",
            Some(_) => "stale",
        };
        Some(SymbolStatus {
            symbol,
            state: state.to_owned(),
            last: watched.last,
            book: watched.book_state().to_owned(),
            resyncs: watched.resyncs,
            missing_trades: missing_trades(watched),
        })
    }
}

/// Without numbers nobody knows how many trades are missing, only that some may be: then it is one at least.
fn missing_trades(watched: &Watched) -> u64 {
    u64::from(watched.misses_trades())
}

fn stage_name(stage: Stage) -> &'static str {
    match stage {
        Stage::Connecting | Stage::Authenticating => "connecting",
        Stage::Subscribing => "subscribing",
        Stage::Live => "live",
    }
}
