//! `merganser history`: ticks, bars, orders, fills, positions and equity of a range of time, whatever tier they are in.

use std::process::ExitCode;

use actors::clock::Clock;
use actors::restore;
use clap::{Args, ValueEnum};
use config::Settings;
use messages::ledger::Seq;
use messages::market::Timeframe;
use messages::{Account, Instrument, StrategyId, UtcNanos, caps};
use storage::datadir::Paths;
use storage::duck::hot::Hot;
use storage::migrate::reads::{Share, Side};
use storage::query::{Duck, Explain, Gaps, Of, Page, Query, Range, Source};

use super::Common;
use crate::client;
use crate::http::history::{self, Note, Request};
use crate::output::{self, Format};
use crate::stopped;

#[derive(Debug, Args)]
#[command(
    after_help = "With --from, the oldest rows of the range come first; without it, the newest before --to.\n\nExamples:\n  merganser history ticks --symbol binance:BTCUSDT --from 2024-08-09 --to \"2024-08-09 00:05:00\" --format csv\n  merganser history bars --symbol binance:BTCUSDT --timeframe 5m --fill --limit 100 --explain\n  merganser history positions --account paper --to 2026-01-01"
)]
pub struct Arguments {
    /// What is asked for.
    what: What,
    /// Of which instrument: exchange:SYMBOL. Ticks and bars need one.
    #[arg(long, value_parser = instrument, required_if_eq_any = [("what", "ticks"), ("what", "bars")])]
    symbol: Option<Instrument>,
    /// From this time on: YYYY-MM-DD, or with HH:MM:SS, in UTC.
    #[arg(long, value_name = "TIME")]
    from: Option<UtcNanos>,
    /// Before this time; positions as they stood then.
    #[arg(long, value_name = "TIME")]
    to: Option<UtcNanos>,
    /// The length of bars: any that divides a day; default 1m.
    #[arg(long)]
    timeframe: Option<Timeframe>,
    /// Fill gaps between bars at the last close.
    #[arg(long)]
    fill: bool,
    /// Of which account.
    #[arg(long)]
    account: Option<Account>,
    /// Of which strategy.
    #[arg(long)]
    strategy: Option<StrategyId>,
    /// The most rows; default 100,000.
    #[arg(long, value_parser = super::at_most(caps::HISTORY_ROWS))]
    limit: Option<u32>,
    /// How the answer is printed.
    #[arg(long, value_enum, default_value = "table")]
    format: Format,
    /// Say what was read for the answer, and how long that took.
    #[arg(long)]
    explain: bool,
    /// Wait until the tables hold what is durable now: the default.
    #[arg(long, overrides_with = "stale")]
    fresh: bool,
    /// Do not wait for that.
    #[arg(long)]
    stale: bool,
}

/// The most rows where nobody says otherwise.
const LIMIT: u32 = 100_000;

/// What history has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum What {
    /// Trades and quotes of the market.
    Ticks,
    /// Bars of any length.
    Bars,
    /// Orders, by the time that they were created.
    Orders,
    /// Fills.
    Trades,
    /// Positions at an instant.
    Positions,
    /// The equity curve: portfolio snapshots.
    Equity,
}

impl What {
    /// As it is written.
    fn name(self) -> &'static str {
        match self {
            Self::Ticks => "ticks",
            Self::Bars => "bars",
            Self::Orders => "orders",
            Self::Trades => "trades",
            Self::Positions => "positions",
            Self::Equity => "equity",
        }
    }
}

fn instrument(text: &str) -> Result<Instrument, String> {
    let (exchange, symbol) =
        text.split_once(':').ok_or_else(|| format!("`{text}` is no instrument; expected exchange:SYMBOL"))?;
    let exchange = exchange.parse().map_err(|e| format!("{e}"))?;
    Ok(Instrument { exchange, symbol: symbol.parse().map_err(|e| format!("{e}"))? })
}

impl Arguments {
    /// A flag that says nothing about what is asked for, and what it goes with.
    fn misused(&self) -> Option<String> {
        use What::{Bars, Equity, Orders, Positions, Ticks, Trades};
        let flags: [(&str, bool, &[What]); 7] = [
            ("--symbol", self.symbol.is_some(), &[Ticks, Bars, Orders, Trades, Positions]),
            ("--from", self.from.is_some(), &[Ticks, Bars, Orders, Trades, Equity]),
            ("--timeframe", self.timeframe.is_some(), &[Bars]),
            ("--fill", self.fill, &[Bars]),
            ("--account", self.account.is_some(), &[Orders, Trades, Positions, Equity]),
            ("--strategy", self.strategy.is_some(), &[Orders, Trades, Positions]),
            ("--limit", self.limit.is_some(), &[Ticks, Bars, Orders, Trades, Equity]),
        ];
        let (flag, _, with) = flags.into_iter().find(|(_, given, with)| *given && !with.contains(&self.what))?;
        let with: Vec<&str> = with.iter().map(|what| what.name()).collect();
        Some(format!("{flag} says nothing about {}; it goes with {}", self.what.name(), with.join(", ")))
    }

    fn limit(&self) -> u32 {
        self.limit.unwrap_or(LIMIT)
    }

    fn query(&self, now: UtcNanos) -> Query {
        let page = if self.from.is_some() { Page::Oldest(self.limit()) } else { Page::Newest(self.limit()) };
        let range = Range { from: self.from.unwrap_or(UtcNanos::MIN), to: self.to.unwrap_or(UtcNanos::MAX) };
        let of = Of { instrument: self.symbol, account: self.account, strategy: self.strategy };
        match (self.what, self.symbol) {
            (What::Ticks, Some(instrument)) => Query::Ticks { instrument, range, page },
            (What::Bars, Some(instrument)) => {
                let range = Range { to: self.to.unwrap_or(now), ..range };
                let gaps = if self.fill { Gaps::Filled } else { Gaps::Left };
                let timeframe = self.timeframe.unwrap_or(Timeframe::MINUTE);
                Query::Bars { instrument, timeframe, range, gaps, page }
            }
            (What::Orders, _) => Query::Orders { range, of, page },
            (What::Trades, _) => Query::Trades { range, of, page },
            (What::Positions, _) => Query::Positions { at: range.to, of },
            (What::Equity, _) => Query::Equity { range, account: self.account, page },
            (What::Ticks | What::Bars, None) => unreachable!("the command line needs a symbol for them"),
        }
    }
}

pub fn run(arguments: &Arguments, common: &Common, settings: &Settings) -> anyhow::Result<ExitCode> {
    output::refuse_terminal(arguments.format)?;
    if let Some(why) = arguments.misused() {
        super::misused(why);
    }
    super::check_range(arguments.from, arguments.to);
    let Arguments { format, explain, .. } = *arguments;
    let query = arguments.query(Clock::wall().now());
    let (body, note) = match client::find(&common.data_dir)? {
        Some(running) => {
            let request = Request { query, format, explain, fresh: arguments.fresh || !arguments.stale };
            let reply = running.ask(
                "/api/v1/history",
                &request,
                Some(client::within(settings, settings.duckdb.query_timeout)),
            )?;
            (reply.body, reply.note.map(|note| serde_json::from_str(&note)).transpose()?)
        }
        None => {
            let stopped = stopped::open(&common.data_dir, settings)?;
            say_who_answers(&stopped.paths)?;
            let duck = Duck::new(stopped.instance.pool().clone(), Hot::default(), stopped.stores.clone());
            let mut body = Vec::new();
            let note = history::write(duck.ask(&query)?, format, explain, &mut body)?;
            (body, Some(note))
        }
    };
    output::bytes(&body);
    if let Some(note) = note {
        say(&note, arguments);
    }
    Ok(ExitCode::SUCCESS)
}

/// Says that somebody else answers while merganser runs, where that is so.
fn say_who_answers(paths: &Paths) -> anyhow::Result<()> {
    let state = restore::migration(&paths.ledger, Seq(u64::MAX))?;
    let share = Share::default();
    share.set(&state);
    if share.get().may_ask_postgres() {
        eprintln!(
            "DuckDB answers, for merganser does not run; the phase is {}, in which PostgreSQL has rows that DuckDB may lack",
            state.phase
        );
    }
    Ok(())
}

/// Says beside the answer what is to be known of it.
fn say(note: &Note, arguments: &Arguments) {
    if note.is_cut {
        let which = if arguments.from.is_some() { "oldest" } else { "newest" };
        eprintln!(
            "there may be more rows: these are the {which} {}; raise --limit or narrow the range",
            arguments.limit()
        );
    }
    if arguments.explain && arguments.format != Format::Json {
        let log = if matches!(arguments.what, What::Ticks | What::Bars) { "market journal" } else { "ledger" };
        eprintln!(
            "complete to record {} of the {log}; cut: {}",
            note.complete_to,
            if note.is_cut { "yes" } else { "no" }
        );
        explain(&note.explain);
    }
}

fn explain(explain: &Explain) {
    let rows: Vec<String> = explain.rows_by_tier.iter().map(|(tier, rows)| format!("{rows} {tier}")).collect();
    let rows = if rows.is_empty() { "none".to_owned() } else { rows.join(", ") };
    let Explain { answered_by, left_out, files_total, files_read, files_pruned, ms_by_step: steps, .. } = explain;
    if *answered_by == Side::Postgres {
        eprintln!("answered by PostgreSQL; rows there that do not fit and are left out: {left_out}");
        eprintln!("time: plan {:.1} ms, read {:.1} ms", steps.plan, steps.read);
        return;
    }
    eprintln!("files: {files_read} read, {files_pruned} pruned of {files_total}");
    eprintln!("rows: {rows}");
    eprintln!("time: plan {:.1} ms, fetch {:.1} ms, read {:.1} ms", steps.plan, steps.fetch, steps.read);
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        arguments: Arguments,
    }

    #[test]
    fn a_flag_that_would_do_nothing_is_refused_by_name() {
        let misused = |line: &str| Line::parse_from(format!("history {line}").split(' ')).arguments.misused();
        for (line, flag) in [
            ("equity --symbol binance:BTCUSDT", "--symbol"),
            ("equity --strategy x", "--strategy"),
            ("ticks --symbol binance:BTCUSDT --account paper", "--account"),
            ("positions --from 2026-01-01", "--from"),
            ("positions --limit 1", "--limit"),
            ("positions --fill", "--fill"),
            ("orders --timeframe 1m", "--timeframe"),
        ] {
            let why = misused(line).unwrap_or_else(|| panic!("{line} is accepted"));
            assert!(why.starts_with(flag) && why.contains("it goes with"), "{why}");
        }
        assert_eq!(misused("bars --symbol binance:BTCUSDT --timeframe 5m --fill --limit 1 --from 2026-01-01"), None);
        assert_eq!(misused("positions --account paper --strategy x --to 2026-01-01"), None);
        assert!(Line::try_parse_from(["history", "orders", "--limit", "4000000000"]).is_err());
    }
}
