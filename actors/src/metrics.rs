//! Every metric that Merganser has, once: its name, how its value is read, its unit, and what it says.
//!
//! What is sampled, what stands in `system_metrics`, what Prometheus is told and what the documents list all come from
//! here. The part of the program that a metric belongs to, and what its label `actor` holds, stand here, too, so that
//! every sample says the same.

use messages::telemetry::MetricKind;

/// What a value counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// Things.
    Count,
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
    /// A share of 1.
    Ratio,
    /// Money, in the account's currency.
    Money,
    /// 1 for yes, 0 for no.
    Flag,
}

impl Unit {
    /// As documents say it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Count => "count",
            Self::Seconds => "seconds",
            Self::Bytes => "bytes",
            Self::Ratio => "ratio",
            Self::Money => "currency",
            Self::Flag => "0 or 1",
        }
    }
}

/// A metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Definition {
    /// The part of the program.
    pub component: &'static str,
    /// Its name; the unit stands last.
    pub name: &'static str,
    /// How its value is read.
    pub kind: MetricKind,
    /// What it counts.
    pub unit: Unit,
    /// What its label `actor` holds, as `feed`; empty where there is one value for all.
    pub of: &'static str,
    /// What it says.
    pub help: &'static str,
}

impl Definition {
    /// The name that Prometheus knows it by.
    #[must_use]
    pub fn exported(&self) -> String {
        let total = if self.kind == MetricKind::Counter { "_total" } else { "" };
        format!("merganser_{}{total}", self.name)
    }
}

/// The metric of a name.
#[must_use]
pub fn of(name: &str) -> Option<&'static Definition> {
    ALL.iter().find(|definition| definition.name == name)
}

macro_rules! metrics {
    ($($component:literal { $($id:ident $name:literal $kind:ident $unit:ident $of:literal $help:literal)* })*) => {
        $($(
            #[doc = $help]
            pub const $id: Definition = Definition {
                component: $component,
                name: $name,
                kind: MetricKind::$kind,
                unit: Unit::$unit,
                of: $of,
                help: $help,
            };
        )*)*
        /// All of them.
        pub const ALL: &[Definition] = &[$($($id,)*)*];
    };
}

metrics! {
    "feeds" {
        FEED_FRAMES_WAITING "feed_frames_waiting" Gauge Count "" "Frames that wait for the market."
        FEED_FRAMES "feed_frames" Counter Count "" "Frames taken by the market."
        FEED_FRAMES_UNDECODABLE "feed_frames_undecodable" Counter Count "" "Frames that could not be decoded."
        FEED_LIVE "feed_live" Gauge Flag "feed" "The feed is connected and subscribed."
        FEED_LINKS "feed_links" Gauge Count "feed" "Open connections."
        FEED_SYMBOLS "feed_symbols" Gauge Count "feed" "Symbols that are watched."
        FEED_SYMBOLS_STALE "feed_symbols_stale" Gauge Count "feed" "Symbols that are stale, silent, refused or lost."
        FEED_WAITING "feed_waiting" Gauge Count "feed" "Frames that wait to be decoded."
        FEED_BACKLOG "feed_backlog" Gauge Count "feed" "Decoded frames that wait for the market."
        FEED_LINK_FRAMES "feed_link_frames" Counter Count "feed" "Frames heard."
        FEED_LINK_BYTES "feed_link_bytes" Counter Bytes "feed" "Bytes of frames heard."
        FEED_CONNECTS "feed_connects" Counter Count "feed" "Connections opened, the first ones included."
        FEED_DISCONNECTS "feed_disconnects" Counter Count "feed" "Connections lost."
        FEED_HANDOVERS "feed_handovers" Counter Count "feed" "Connections replaced while both were open."
        FEED_GAPS "feed_gaps" Counter Count "feed" "Gaps reported."
        FEED_TRADES_BACKFILLED "feed_trades_backfilled" Counter Count "feed" "Trades fetched by REST."
        FEED_BOOK_RESYNCS "feed_book_resyncs" Counter Count "feed" "Books fetched again."
        FEED_UNDECODABLE "feed_undecodable" Counter Count "feed" "Frames of it that could not be decoded."
        FEED_REQUESTS "feed_requests" Counter Count "feed" "Requests by REST."
        FEED_ERRORS "feed_errors" Counter Count "feed" "Refusals and errors of the venue."
        FEED_QUOTES_CONFLATED "feed_quotes_conflated" Counter Count "feed" "Quotes left out for a busy market."
        FEED_RECORDING_LINES_LOST "feed_recording_lines_lost" Counter Count "feed" "Lines that the recording lacks."
        FEED_LAG_P50_SECONDS "feed_lag_p50_seconds" Gauge Seconds "feed" "Socket to market, median of 10 s."
        FEED_LAG_P99_SECONDS "feed_lag_p99_seconds" Gauge Seconds "feed" "Socket to market, p99 of 10 s."
        FEED_LAG_MAX_SECONDS "feed_lag_max_seconds" Gauge Seconds "feed" "Socket to market, slowest of 10 s."
    }
    "market" {
        MARKET_TRADES "market_trades" Counter Count "" "Trades."
        MARKET_QUOTES "market_quotes" Counter Count "" "Quotes."
        MARKET_DEPTHS "market_depths" Counter Count "" "Changes of books."
        MARKET_GAPS "market_gaps" Counter Count "" "Gaps, those of a stop included."
        MARKET_BARS "market_bars" Counter Count "" "Bars closed."
        MARKET_BAR_REVISIONS "market_bar_revisions" Counter Count "" "Bars revised."
        MARKET_DUPLICATE_TRADES "market_duplicate_trades" Counter Count "" "Trades that came twice."
        MARKET_SUPERSEDED_TRADES "market_superseded_trades" Counter Count "" "Trades replaced by a newer revision."
        MARKET_LATE_QUOTES "market_late_quotes" Counter Count "" "Quotes older than the last one."
        MARKET_CROSSED_QUOTES "market_crossed_quotes" Counter Count "" "Quotes with the bid above the ask."
        MARKET_OUT_OF_RANGE "market_out_of_range" Counter Count "" "Messages whose time or price cannot be."
        MARKET_CORRECTIONS "market_corrections" Counter Count "" "Trades corrected by the venue."
        MARKET_INEXACT_CORRECTIONS "market_inexact_corrections" Counter Count "" "Corrections of forgotten trades."
        MARKET_VENUE_BARS "market_venue_bars" Counter Count "" "Bars that the venue sent."
        MARKET_VENUE_BARS_DIFFER "market_venue_bars_differ" Counter Count "" "Bars of the venue that differ from ours."
        MARKET_TOO_LATE_TRADES "market_too_late_trades" Counter Count "" "Trades too late for their bar."
        MARKET_BAR_OVERFLOWS "market_bar_overflows" Counter Count "" "Bars whose sums do not fit."
        MARKET_BOOK_GAPS "market_book_gaps" Counter Count "" "Books that missed a change."
        MARKET_CLOCK_STEPS_BACK "market_clock_steps_back" Counter Count "" "Receive times that fell."
        MARKET_DATA_AGE_SECONDS "market_data_age_seconds" Gauge Seconds "" "Since a trade or quote came."
        CLOCK_OFFSET_SECONDS "clock_offset_seconds" Gauge Seconds "" "How far the venue's clock is ahead of ours."
    }
    "orders" {
        TRADING_ACTIVE "trading_active" Gauge Flag "" "The trading state is ACTIVE."
        ORDERS_OPEN "orders_open" Gauge Count "" "Open orders."
        ORDERS_EFFECTS_WAITING "orders_effects_waiting" Gauge Count "" "Decisions that wait for the ledger's disk."
        ORDERS_INTENDED "orders_intended" Counter Count "" "Orders that passed risk."
        ORDERS_DENIED "orders_denied" Counter Count "" "Orders that risk denied."
        ORDERS_REJECTED "orders_rejected" Counter Count "" "Orders that the venue rejected or never received."
        ORDERS_FILLS "orders_fills" Counter Count "" "Fills."
        ORDERS_REQUESTS_REFUSED "orders_requests_refused" Counter Count "" "Requests that made no sense."
        ORDERS_REPORTS_IGNORED "orders_reports_ignored" Counter Count "" "Reports that were repeated or too late."
        ORDERS_REPORTS_UNKNOWN "orders_reports_unknown" Counter Count "" "Reports about orders that nobody knows."
        ORDERS_ALARMS "orders_alarms" Counter Count "" "Events that should not have happened."
        TICK_TO_ORDER_SECONDS "tick_to_order_seconds" Histogram Seconds "" "Receive time of a tick to its order decided."
        TICK_TO_VENUE_SECONDS "tick_to_venue_seconds" Histogram Seconds "" "Receive time of a tick to its durable order let out."
    }
    "venue" {
        VENUE_CONNECTED "venue_connected" Gauge Flag "venue" "The venue outside is reached."
        VENUE_NOTES "venue_notes" Counter Count "note" "What the venue said that no report says, by kind."
    }
    "positions" {
        PORTFOLIO_VALUE "portfolio_value" Gauge Money "account" "All balances at their rates."
        PORTFOLIO_CASH "portfolio_cash" Gauge Money "account" "Balance of the currency."
        PORTFOLIO_PNL "portfolio_pnl" Gauge Money "account" "Value less what was paid in."
        PORTFOLIO_DAILY_PNL "portfolio_daily_pnl" Gauge Money "account" "Value less the value at the day's start."
        PORTFOLIO_DAILY_LOSS_RATIO "portfolio_daily_loss_ratio" Gauge Ratio "account" "Today's loss in the first value."
        PORTFOLIO_DRAWDOWN_RATIO "portfolio_drawdown_ratio" Gauge Ratio "account" "Fall of the value from its highest."
        PORTFOLIO_DRAWDOWN_MAX "portfolio_drawdown_max" Gauge Money "account" "The largest fall of the value so far."
        PORTFOLIO_EXPOSURE "portfolio_exposure" Gauge Money "account" "Value of all positions, long and short added."
        PORTFOLIO_EXPOSURE_NET "portfolio_exposure_net" Gauge Money "account" "Value of all positions, long less short."
        PORTFOLIO_LEVERAGE_RATIO "portfolio_leverage_ratio" Gauge Ratio "account" "Exposure in the value."
        POSITIONS_OPEN "positions_open" Gauge Count "account" "Positions that are not flat."
        STRATEGY_PNL "strategy_pnl" Gauge Money "strategy" "Profit of a strategy, open positions valued, before fees."
        STRATEGY_EXPOSURE "strategy_exposure" Gauge Money "strategy" "Value of its positions, long and short added."
    }
    "strategies" {
        STRATEGY_RUNNING "strategy_running" Gauge Flag "strategy" "The strategy runs."
        STRATEGY_QUARANTINED "strategy_quarantined" Gauge Flag "strategy" "The strategy failed too often and stays down."
        STRATEGY_GENERATION "strategy_generation" Gauge Count "strategy" "How often it was started again."
        STRATEGY_FAULTS "strategy_faults" Counter Count "strategy" "Panics, hangs and lags."
        STRATEGY_THREADS_ABANDONED "strategy_threads_abandoned" Counter Count "strategy" "Threads that hung."
    }
    "actors" {
        ACTOR_ANSWERS_MISSED "actor_answers_missed" Counter Count "actor" "Questions not answered within a second."
        ACTOR_ANSWER_SECONDS "actor_answer_seconds" Histogram Seconds "actor" "How long an answer took."
        ACTOR_MESSAGES_HANDLED "actor_messages_handled" Counter Count "actor" "Messages handled since its last start."
        ACTOR_MESSAGES_WAITING "actor_messages_waiting" Gauge Count "actor" "Messages of others that wait."
        ACTOR_RESTARTS "actor_restarts" Counter Count "actor" "Times that it was replaced."
        ACTOR_RUNNING "actor_running" Gauge Flag "actor" "The actor runs."
    }
    "journal" {
        JOURNAL_BATCHES_WAITING "journal_batches_waiting" Gauge Count "journal" "Batches that wait for its thread."
        JOURNAL_QUEUE_RATIO "journal_queue_ratio" Gauge Ratio "journal" "How full its queue is."
        JOURNAL_DURABLE_SEQ "journal_durable_seq" Counter Count "journal" "Its last durable record."
        JOURNAL_SYNCS "journal_syncs" Counter Count "journal" "Groups written and synced."
        JOURNAL_SYNC_SECONDS "journal_sync_seconds" Histogram Seconds "journal" "Writing and syncing of a group."
        TABLES_APPLIED_SEQ "tables_applied_seq" Counter Count "journal" "Its last record that the tables hold."
        TABLES_LAG_RECORDS "tables_lag_records" Gauge Count "journal" "Records that are durable and not in the tables."
    }
    "postgres" {
        POSTGRES_FOLLOWING "postgres_following" Gauge Flag "" "PostgreSQL is written to, too, and takes it."
        POSTGRES_APPLIED_SEQ "postgres_applied_seq" Counter Count "journal" "Its last record that PostgreSQL holds."
        POSTGRES_LAG_RECORDS "postgres_lag_records" Gauge Count "" "Records that are durable and not in PostgreSQL."
        POSTGRES_LAG_SECONDS "postgres_lag_seconds" Gauge Seconds "" "For how long PostgreSQL has lacked something."
        POSTGRES_ROWS "postgres_rows" Counter Count "" "Rows written to PostgreSQL since it was begun with."
        POSTGRES_JOURNAL_RATIO "postgres_journal_ratio" Gauge Ratio "" "How much of the market journal is kept for it, of what may be."
        POSTGRES_RECORDS_GIVEN_UP "postgres_records_given_up" Counter Count "" "Market records that were not kept for it any longer."
    }
    "bulk" {
        BULK_BATCHES_WAITING "bulk_batches_waiting" Gauge Count "actor" "Batches of the market that wait."
        BULK_QUEUE_RATIO "bulk_queue_ratio" Gauge Ratio "actor" "How full its queue of the market is."
    }
    "readers" {
        READERS_IN_USE "readers_in_use" Gauge Count "" "Readers that are lent out."
        READERS_EXECUTING "readers_executing" Gauge Count "" "Questions that are being executed."
        READERS_WAITING "readers_waiting" Gauge Count "" "Questions that wait for their turn."
        READERS_BUSY "readers_busy" Counter Count "" "Questions that waited in vain."
        READER_WAIT_SECONDS "reader_wait_seconds" Histogram Seconds "" "How long questions waited."
        QUERIES "queries" Counter Count "class" "Questions that ended."
        QUERIES_FAILED "queries_failed" Counter Count "class" "Questions that failed or were refused."
        QUERIES_TIMED_OUT "queries_timed_out" Counter Count "class" "Questions that were interrupted."
        QUERIES_SLOW "queries_slow" Counter Count "class" "Questions that were slow."
        QUERY_ROWS "query_rows" Counter Count "class" "Rows read."
        QUERY_SECONDS "query_seconds" Histogram Seconds "class" "How long questions took."
    }
    "reads" {
        READS "reads" Counter Count "side" "Questions to history that a side was asked, on the way out of PostgreSQL."
        READS_FAILED "reads_failed" Counter Count "side" "Questions that it did not answer."
        READ_SECONDS "read_seconds" Histogram Seconds "side" "How long its answers took."
        READS_COMPARED "reads_compared" Counter Count "" "Questions that were asked of both sides."
        READS_DIFFERENT "reads_different" Counter Count "" "Questions to which both sides gave different answers."
    }
    "archive" {
        ARCHIVE_RUNS "archive_runs" Counter Count "" "Runs of the archive."
        ARCHIVE_STEPS_FAILED "archive_steps_failed" Counter Count "" "Steps of the archive that failed."
        ARCHIVE_FAILING "archive_failing" Gauge Flag "" "The last run since the start failed."
        ARCHIVE_GOOD_AGE_SECONDS "archive_good_age_seconds" Gauge Seconds "" "Since the last good run of this process."
    }
    "storage" {
        TIER_BYTES "tier_bytes" Gauge Bytes "" "Bytes of a tier: the database's file, Parquet files."
        DISK_FREE_BYTES "disk_free_bytes" Gauge Bytes "place" "Bytes free on the disk of a folder."
        DISK_FREE_RATIO "disk_free_ratio" Gauge Ratio "place" "Share of that disk that is free."
    }
    "http" {
        HTTP_REQUESTS "http_requests" Counter Count "class" "Requests answered."
        HTTP_REQUESTS_REFUSED "http_requests_refused" Counter Count "class" "Requests answered with 400 to 499."
        HTTP_REQUESTS_FAILED "http_requests_failed" Counter Count "class" "Requests answered with 500 or more."
    }
    "stream" {
        STREAM_CLIENTS "stream_clients" Gauge Count "" "WebSocket clients."
        STREAM_MESSAGES "stream_messages" Counter Count "" "Messages sent to WebSocket clients."
        STREAM_SENT_BYTES "stream_sent_bytes" Counter Bytes "" "Bytes sent to WebSocket clients."
        STREAM_CONFLATED "stream_conflated" Counter Count "" "Updates of quotes left out for a slow client."
        STREAM_CLOSED_SLOW "stream_closed_slow" Counter Count "" "Clients closed because they did not keep up."
        STREAM_CLOSED_FAULTY "stream_closed_faulty" Counter Count "" "Clients closed because they said too much, or what is no protocol."
        STREAM_CLOSED_SILENT "stream_closed_silent" Counter Count "" "Clients closed because nothing was heard of them."
        STREAM_TURNED_AWAY "stream_turned_away" Counter Count "" "Clients turned away because there were too many."
        STREAM_RESYNCED "stream_resynced" Counter Count "" "Snapshots sent in place of messages that did not fit."
        STREAM_LOST_LOG_LINES "stream_lost_log_lines" Counter Count "" "Log lines that the stream missed; the tables have them."
        STREAM_LOST "stream_lost" Counter Count "" "Events that the stream missed and answered with new snapshots."
    }
    "alerts" {
        ALERTS_OPEN "alerts_open" Gauge Count "" "Open alerts."
        ALERTS_UNACKNOWLEDGED "alerts_unacknowledged" Gauge Count "" "Open alerts that nobody has acknowledged."
        ALERT_MESSAGES_SENT "alert_messages_sent" Counter Count "" "Messages that the webhook took."
        ALERT_MESSAGES_FAILED "alert_messages_failed" Counter Count "" "Messages that were given up."
        ALERT_MESSAGES_HELD_BACK "alert_messages_held_back" Counter Count "" "Messages that the bound of an hour kept back."
        HEARTBEATS_FAILED "heartbeats_failed" Counter Count "" "Heartbeats that nobody answered."
    }
    "process" {
        PROCESS_MEMORY_BYTES "process_memory_bytes" Gauge Bytes "" "Memory in use: the resident set."
        PROCESS_THREADS "process_threads" Gauge Count "" "Threads."
        PROCESS_CPU_SECONDS "process_cpu_seconds" Counter Seconds "" "Processor time of all threads."
    }
    "telemetry" {
        TELEMETRY_WAITING "telemetry_waiting" Gauge Count "" "Log lines and metrics that wait for the tables."
        LOGS_DROPPED "logs_dropped" Counter Count "" "Log lines that did not fit."
        METRICS_DROPPED "metrics_dropped" Counter Count "" "Metrics that did not fit."
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_name_says_its_unit_and_is_used_once() {
        let names: BTreeSet<&str> = ALL.iter().map(|d| d.name).collect();
        assert_eq!(names.len(), ALL.len(), "a name stands twice");
        for d in ALL {
            let ends = |unit: &str| d.name.ends_with(&format!("_{unit}"));
            assert_eq!(d.unit == Unit::Seconds, ends("seconds"), "{}", d.name);
            assert_eq!(d.unit == Unit::Bytes, ends("bytes"), "{}", d.name);
            assert_eq!(d.unit == Unit::Ratio, ends("ratio"), "{}", d.name);
            assert!(!d.name.ends_with("_total"), "{}: what is exported ends so by itself", d.name);
            assert!(d.name.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_'), "{}", d.name);
        }
        assert_eq!(MARKET_TRADES.exported(), "merganser_market_trades_total");
        assert_eq!(ORDERS_OPEN.exported(), "merganser_orders_open");
        assert_eq!(of("orders_open"), Some(&ORDERS_OPEN));
    }
}
