//! `merganser feeds`: the live feeds of a running instance, their links, symbols and what they have counted; symbols are
//! added and removed while it runs.

use std::process::ExitCode;

use actors::ports::FeedStatus;
use clap::{Args, Subcommand};
use comfy_table::Table;
use messages::{Symbol, UtcNanos};

use super::{Common, steer};
use crate::client::Running;
use crate::http::feeds::ChangeRequest;
use crate::http::trading::Done;

#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  merganser feeds\n  merganser feeds symbols\n  merganser feeds add binance SOLUSDT\n  merganser feeds remove binance SOLUSDT"
)]
pub struct Arguments {
    #[command(subcommand)]
    what: Option<What>,
}

#[derive(Debug, Subcommand)]
enum What {
    /// Every feed with its state and counts; what `merganser feeds` alone does.
    #[command(after_help = "Example:\n  merganser feeds list")]
    List,
    /// Every symbol of every feed, with its last message and its book.
    #[command(after_help = "Example:\n  merganser feeds symbols")]
    Symbols,
    /// All of it, as JSON.
    #[command(after_help = "Example:\n  merganser feeds json | jq '.[0].session.counters'")]
    Json,
    /// Watches more symbols, until the instance stops. Write them into feeds.NAME.symbols to keep them, and to trade them from
    /// the next start on, which asks their rules.
    #[command(after_help = "Example:\n  merganser feeds add binance SOLUSDT XRPUSDT")]
    Add(Change),
    /// Watches symbols no longer, until the instance stops.
    #[command(after_help = "Example:\n  merganser feeds remove binance SOLUSDT")]
    Remove(Change),
}

#[derive(Debug, Args)]
struct Change {
    /// The feed, as `merganser feeds` names it.
    feed: String,
    /// The symbols, as the venue writes them.
    #[arg(required = true, value_name = "SYMBOL")]
    symbols: Vec<Symbol>,
}

pub fn run(arguments: &Arguments, common: &Common) -> anyhow::Result<ExitCode> {
    let running = steer::running(common)?;
    match arguments.what.as_ref().unwrap_or(&What::List) {
        What::List => crate::output::line(format_args!("{}", feeds(&read(&running.get("/api/v1/feeds")?)?))),
        What::Symbols => crate::output::line(format_args!("{}", symbols(&read(&running.get("/api/v1/feeds")?)?))),
        What::Json => crate::output::text(&running.get("/api/v1/feeds")?),
        What::Add(Change { feed, symbols }) => {
            let change = ChangeRequest { add: symbols.clone(), remove: Vec::new() };
            say(&running, feed, &change)?;
        }
        What::Remove(Change { feed, symbols }) => {
            let change = ChangeRequest { add: Vec::new(), remove: symbols.clone() };
            say(&running, feed, &change)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn say(running: &Running, feed: &str, change: &ChangeRequest) -> anyhow::Result<()> {
    let Done { done } = running.say(&format!("/api/v1/feeds/{feed}/symbols"), change)?;
    crate::output::line(format_args!("{done}"));
    Ok(())
}

fn read(text: &str) -> anyhow::Result<Vec<FeedStatus>> {
    Ok(serde_json::from_str(text)?)
}

fn table(header: &[&str]) -> Table {
    let mut table = Table::new();
    table.load_style(comfy_table::presets::UTF8_BORDERS_ONLY);
    table.set_header(header);
    table
}

fn feeds(found: &[FeedStatus]) -> Table {
    let mut table = table(&[
        "feed",
        "state",
        "links",
        "symbols",
        "frames",
        "reconnects",
        "gaps",
        "backfilled",
        "undecodable",
        "errors",
        "lag p99",
        "why",
    ]);
    for f in found {
        let c = &f.session.counters;
        let live = f.session.symbols.iter().filter(|s| s.state == "live").count();
        table.add_row([
            f.name.clone(),
            f.session.state.clone(),
            f.session.links.len().to_string(),
            format!("{live} of {} live", f.session.symbols.len()),
            c.frames.to_string(),
            c.disconnects.to_string(),
            c.gaps.to_string(),
            c.backfilled.to_string(),
            c.undecodable.to_string(),
            c.errors.to_string(),
            f.lag.map_or_else(|| "unknown".to_owned(), |lag| format!("{} µs", lag.p99_micros)),
            f.session.why.clone().unwrap_or_default(),
        ]);
    }
    table
}

fn symbols(found: &[FeedStatus]) -> Table {
    let mut table = table(&["feed", "symbol", "state", "last message (UTC)", "book", "resyncs", "trades missing"]);
    for (feed, s) in found.iter().flat_map(|f| f.session.symbols.iter().map(move |s| (f, s))) {
        table.add_row([
            feed.name.clone(),
            s.symbol.to_string(),
            s.state.clone(),
            s.last.as_ref().map_or_else(|| "none yet".to_owned(), UtcNanos::to_string),
            s.book.clone(),
            s.resyncs.to_string(),
            s.missing_trades.to_string(),
        ]);
    }
    table
}
