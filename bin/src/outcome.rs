//! The summary at the end of a run.

use std::io::Write;
use std::time::Duration;

use actors::backtest::driver::Driver;
use actors::backtest::session::{Rerun, Session};
use actors::backtest::summary::Tally;
use messages::Cash;

/// What a run came to.
pub struct Outcome {
    tally: Tally,
    every: Duration,
    books: Vec<String>,
    notes: Vec<String>,
    failed: bool,
}

impl Outcome {
    /// Of a run on an input.
    pub fn of_driver(driver: &Driver, every: Duration, undecodable: u64) -> Self {
        let books = driver.market.books().map(|(instrument, book)| {
            let c = book.counters();
            let best =
                |level: Option<messages::market::Level>| level.map_or("unknown".to_owned(), |l| l.price.to_string());
            format!(
                "book {} seen {} applied {} gaps {} bid {} ask {} levels {} + {}",
                instrument.symbol,
                c.seen,
                c.applied,
                c.gaps,
                best(book.best_bid()),
                best(book.best_ask()),
                book.bid_levels(),
                book.ask_levels()
            )
        });
        let mut notes = Vec::new();
        if undecodable > 0 {
            notes.push(format!("{undecodable} frames could not be decoded; they are in undecodable_frames"));
        }
        Self { tally: driver.machine.tally.clone(), every, books: books.collect(), notes, failed: false }
    }

    /// Adds something that people should know.
    pub fn note(&mut self, note: String) {
        self.notes.push(note);
    }

    /// Adds what kept the run from its end.
    pub fn fail(&mut self, why: String) {
        self.notes.push(why);
        self.failed = true;
    }

    /// True when something kept the run from its end.
    pub fn has_failed(&self) -> bool {
        self.failed
    }

    /// Of a session that was run again.
    pub fn of_session(session: &Session<'_>, rerun: Rerun) -> Self {
        let Rerun { deliveries, taken_over, never_durable } = rerun;
        let mut notes = vec![format!("{deliveries} deliveries were handled again as recorded")];
        if taken_over > 0 {
            notes.push(format!(
                "{taken_over} ledger records were taken over: a crash lost the deliveries that led to them"
            ));
        }
        if never_durable > 0 {
            notes.push(format!(
                "{never_durable} decisions came out that a crash kept from being durable; they are left out"
            ));
        }
        Self {
            tally: session.machine.tally.clone(),
            every: session.snapshots_every(),
            books: Vec::new(),
            notes,
            failed: false,
        }
    }
}

/// Prints it on stdout.
pub fn print(outcome: &Outcome) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    let t = &outcome.tally;
    writeln!(out, "market   {} trades, {} quotes, {} depth messages, {} bars", t.trades, t.quotes, t.depth, t.bars)?;
    for line in &outcome.books {
        writeln!(out, "{line}")?;
    }
    let denied: u64 = t.denied.values().sum();
    writeln!(out, "orders   {} sent, {denied} denied, {} rejected, {} fills", t.orders, t.rejected, t.fills)?;
    for (code, count) in &t.denied {
        writeln!(out, "         denied {code}: {count}")?;
    }
    let portfolio = t.last.as_ref().map(|s| &s.portfolio);
    let unknown = || "unknown".to_owned();
    let cash = |amount: Option<Cash>| amount.map_or_else(unknown, |c| c.to_string());
    writeln!(out, "pnl      {} total, {} realized before fees", cash(portfolio.and_then(|p| p.total_pnl)), t.realized)?;
    for (asset, fee) in &t.fees {
        writeln!(out, "fees     {fee} {asset}")?;
    }
    writeln!(out, "turnover {}", t.turnover)?;
    writeln!(out, "value    {}", cash(portfolio.and_then(|p| p.value)))?;
    writeln!(out, "drawdown {} at most", cash(portfolio.and_then(|p| p.max_drawdown)))?;
    let sharpe = t.sharpe(outcome.every).map_or_else(unknown, |s| format!("{s:.2}"));
    writeln!(out, "sharpe   {sharpe} (annualised, of returns per {})", actors::durations::format(outcome.every))?;
    for note in &outcome.notes {
        writeln!(out, "note     {note}")?;
    }
    out.flush()
}
