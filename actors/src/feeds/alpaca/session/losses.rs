//! What is lost with a connection, and what is done about it: gaps, and jobs for history.

use std::collections::BTreeMap;
use std::time::Duration;

use messages::market::{Gap, GapCause};
use messages::{Symbol, UtcNanos};

use super::AlpacaSession;
use super::connection::{Stage, State};
use crate::feeds::alpaca::backfill::{SYMBOLS, What};
use crate::feeds::alpaca::settings::Channel;
use crate::feeds::alpaca::watch::{OVERLAP, Watched};
use crate::feeds::session::Out;

/// Symbols remembered that nobody wants any more. Of older ones the gaps end, unfilled.
const GONE: usize = 1_024;

impl AlpacaSession {
    /// By how much the stream is late.
    pub(super) fn delay(&self) -> Duration {
        self.settings.feed.history().map_or(Duration::ZERO, |history| history.delay)
    }

    /// `fed` is when the connection that is lost last brought market data.
    pub(super) fn lose(
        &mut self,
        symbols: &[Symbol],
        cause: GapCause,
        fed: Option<UtcNanos>,
        start: UtcNanos,
        out: &mut Out,
    ) {
        let mut gaps = Vec::new();
        for symbol in symbols {
            if let Some(watched) = self.symbols.get_mut(symbol) {
                watched.lost(cause, fed, start, &mut gaps);
            }
        }
        self.report(gaps, out);
    }

    /// The session begins: what comes before the first acknowledgement is missing, as after any other loss. (What came
    /// while nothing ran, the runtime tells.)
    pub(super) fn begin_missing(&mut self, now: UtcNanos, out: &mut Out) {
        let start = now.before(self.delay()).before(OVERLAP);
        let mut gaps = Vec::new();
        for watched in self.symbols.values_mut() {
            watched.unheard(now, start, &mut gaps);
        }
        self.report(gaps, out);
        if self.bars_stand_for_trades() {
            self.bars_from = Some(start);
        }
    }

    pub(super) fn report(&mut self, gaps: Vec<Gap>, out: &mut Out) {
        self.counters.gaps += gaps.iter().filter(|gap| gap.to.is_none()).count() as u64;
        gaps.into_iter().for_each(|gap| out.gap(gap));
    }

    /// Nobody wants these any more. What they miss from now on is missing until they come back, for else the minutes
    /// between would pass for whole ones.
    pub(super) fn dismiss(&mut self, symbols: &[Symbol], now: UtcNanos, out: &mut Out) {
        let start = self.missing_from().unwrap_or_else(|| now.before(self.delay()).before(OVERLAP));
        let fed = self.connection().and_then(|connection| connection.fed);
        self.lose(symbols, GapCause::Stopped, fed, start, out);
        self.gone.extend(symbols.iter().filter_map(|symbol| self.symbols.remove(symbol)));
        let mut gaps = Vec::new();
        while self.gone.len() > GONE {
            if let Some(mut oldest) = self.gone.pop_front() {
                oldest.dismissed(now, &mut gaps);
            }
        }
        self.report(gaps, out);
    }

    /// These are wanted (again).
    pub(super) fn welcome(&mut self, symbols: &[Symbol]) {
        for symbol in symbols {
            let known = self.gone.iter().position(|watched| watched.symbol() == *symbol);
            let known = known.and_then(|at| self.gone.remove(at));
            let watched = known.unwrap_or_else(|| Watched::new(*symbol, self.subscriptions.channels()));
            self.symbols.insert(*symbol, watched);
        }
    }

    pub(super) fn bars_stand_for_trades(&self) -> bool {
        let has = |channel| self.settings.channels.contains(&channel);
        has(Channel::Bars) && !has(Channel::Trades)
    }

    /// Symbols whose trades are missing and whose stream is back: asks history for them.
    pub(super) fn plan_backfill(&mut self, resumed: &[Symbol], now: UtcNanos, out: &mut Out) {
        let Some(history) = self.settings.feed.history() else { return self.abandon(resumed, now, out) };
        let mut by_start: BTreeMap<UtcNanos, Vec<Symbol>> = BTreeMap::new();
        for symbol in resumed {
            if let Some(start) = self.symbols.get(symbol).and_then(Watched::asks_from) {
                self.backfill.withdraw(*symbol);
                by_start.entry(start).or_default().push(*symbol);
            }
        }
        for (start, symbols) in by_start {
            for symbols in symbols.chunks(SYMBOLS) {
                self.backfill.add(What::Trades, symbols.to_vec(), start, history, now);
            }
        }
    }

    /// Bars of the time without a connection.
    pub(super) fn plan_bars(&mut self, now: UtcNanos) {
        let live = matches!(&self.state, State::Connected(connection) if connection.stage == Stage::Live);
        let Some(history) = self.settings.feed.history().filter(|_| live) else { return };
        let Some(start) = self.bars_from.take() else { return };
        let symbols: Vec<Symbol> = self.subscriptions.whole().iter().copied().collect();
        for symbols in symbols.chunks(SYMBOLS) {
            let start = start.floor_to(Duration::from_secs(60));
            self.backfill.add(What::Bars, symbols.to_vec(), start, history, now);
        }
    }

    pub(super) fn abandon(&mut self, symbols: &[Symbol], planned: UtcNanos, out: &mut Out) {
        let delay = self.delay();
        let mut gaps = Vec::new();
        for symbol in symbols {
            if let Some(watched) = self.symbols.get_mut(symbol) {
                watched.abandoned(planned, delay, &mut gaps);
            }
        }
        self.report(gaps, out);
    }

    /// The venue has told what is subscribed now: opens gaps where it is less than before, though nobody asked for that.
    /// Returns the symbols whose trades come (again).
    pub(super) fn acknowledged(&mut self, now: UtcNanos, out: &mut Out) -> Vec<Symbol> {
        let Some(start) = self.missing_from() else { return Vec::new() };
        let (mut resumed, mut gaps) = (Vec::new(), Vec::new());
        for (symbol, watched) in &mut self.symbols {
            if watched.acknowledged(&self.subscriptions.channels_of(*symbol), start, now, &mut gaps) {
                resumed.push(*symbol);
            }
        }
        self.report(gaps, out);
        resumed
    }
}
