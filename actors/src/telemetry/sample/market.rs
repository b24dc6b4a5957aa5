//! What goes into a sample of the market and the feeds in front of it.

use super::{Sample, of, whole};
use crate::metrics::*;
use crate::ports::{FeedStatus, MarketStatus};

impl Sample {
    /// The market actor, and the frames in front of it.
    pub fn market(&mut self, status: &MarketStatus) {
        self.gauge(FEED_FRAMES_WAITING, whole(), status.waiting as f64);
        let c = &status.counters;
        for (metric, value) in [
            (FEED_FRAMES, status.frames),
            (FEED_FRAMES_UNDECODABLE, status.undecodable),
            (MARKET_TRADES, c.trades),
            (MARKET_QUOTES, c.quotes),
            (MARKET_DEPTHS, c.depths),
            (MARKET_GAPS, c.gaps),
            (MARKET_BARS, c.bars),
            (MARKET_BAR_REVISIONS, c.revisions),
            (MARKET_DUPLICATE_TRADES, c.duplicate_trades),
            (MARKET_SUPERSEDED_TRADES, c.superseded_trades),
            (MARKET_LATE_QUOTES, c.late_quotes),
            (MARKET_CROSSED_QUOTES, c.crossed_quotes),
            (MARKET_OUT_OF_RANGE, c.out_of_range),
            (MARKET_CORRECTIONS, c.corrections),
            (MARKET_INEXACT_CORRECTIONS, c.inexact_corrections),
            (MARKET_VENUE_BARS, c.venue_bars),
            (MARKET_VENUE_BARS_DIFFER, c.venue_bars_differ),
            (MARKET_TOO_LATE_TRADES, c.too_late),
            (MARKET_BAR_OVERFLOWS, c.bar_overflows),
            (MARKET_BOOK_GAPS, c.book_gaps),
            (MARKET_CLOCK_STEPS_BACK, c.clock_steps_back),
        ] {
            self.counter(metric, whole(), value);
        }
        for clock in &status.clocks {
            let labels = messages::telemetry::Labels { venue: Some(clock.exchange.as_str().to_owned()), ..whole() };
            self.gauge(CLOCK_OFFSET_SECONDS, labels, clock.nanos as f64 / 1e9);
        }
    }

    /// How long no trade and no quote has come, in seconds.
    pub fn market_data_age(&mut self, seconds: f64) {
        self.gauge(MARKET_DATA_AGE_SECONDS, whole(), seconds);
    }

    /// A live feed.
    pub fn feed(&mut self, status: &FeedStatus) {
        let feed = || of(&status.name);
        let session = &status.session;
        // A market that is closed owes nothing.
        let stale = session.symbols.iter().filter(|s| s.state != "live" && s.state != "closed").count();
        self.flag(FEED_LIVE, feed(), session.state == "live");
        for (metric, value) in [
            (FEED_LINKS, session.links.len()),
            (FEED_SYMBOLS, session.symbols.len()),
            (FEED_SYMBOLS_STALE, stale),
            (FEED_WAITING, status.waiting),
            (FEED_BACKLOG, status.backlog),
        ] {
            self.gauge(metric, feed(), value as f64);
        }
        let c = &session.counters;
        for (metric, value) in [
            (FEED_LINK_FRAMES, c.frames),
            (FEED_LINK_BYTES, c.bytes),
            (FEED_CONNECTS, c.connects),
            (FEED_DISCONNECTS, c.disconnects),
            (FEED_HANDOVERS, c.handovers),
            (FEED_GAPS, c.gaps),
            (FEED_TRADES_BACKFILLED, c.backfilled),
            (FEED_BOOK_RESYNCS, c.resyncs),
            (FEED_UNDECODABLE, c.undecodable),
            (FEED_REQUESTS, c.requests),
            (FEED_ERRORS, c.errors),
            (FEED_QUOTES_CONFLATED, status.conflated),
            (FEED_RECORDING_LINES_LOST, status.recordings_lost),
        ] {
            self.counter(metric, feed(), value);
        }
        if let Some(lag) = status.lag {
            self.gauge(FEED_LAG_P50_SECONDS, feed(), lag.p50_micros as f64 / 1e6);
            self.gauge(FEED_LAG_P99_SECONDS, feed(), lag.p99_micros as f64 / 1e6);
            self.gauge(FEED_LAG_MAX_SECONDS, feed(), lag.max_micros as f64 / 1e6);
        }
    }
}
