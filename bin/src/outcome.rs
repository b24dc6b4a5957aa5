//! The summary at the end of a run.

use std::collections::BTreeMap;
use std::io::Write;

use actors::backtest::driver::Driver;
use actors::backtest::session::{Rerun, Session};
use actors::backtest::summary::{Equity, Tally};
use messages::Cash;
use messages::instrument::Asset;

use crate::report::Period;
use crate::report::figures::curve::Curve;
use crate::report::figures::growth::Valued;

/// What a run came to.
pub struct Outcome {
    tally: Tally,
    books: Vec<String>,
    notes: Vec<String>,
    failed: bool,
}

impl Outcome {
    /// Of a run on an input.
    pub fn of_driver(driver: &Driver, undecodable: u64) -> Self {
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
        Self { tally: driver.machine.tally.clone(), books: books.collect(), notes, failed: false }
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
        Self { tally: session.machine.tally.clone(), books: Vec::new(), notes, failed: false }
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
    writeln!(out, "pnl      {} total", cash(portfolio.and_then(|p| p.total_pnl)))?;
    by_asset(&mut out, "realized", &t.realized, " before fees")?;
    by_asset(&mut out, "fees", &t.fees, "")?;
    by_asset(&mut out, "turnover", &t.turnover, "")?;
    writeln!(out, "value    {}", cash(portfolio.and_then(|p| p.value)))?;
    writeln!(out, "drawdown {} at most", cash(portfolio.and_then(|p| p.max_drawdown)))?;
    match sharpe(&t.equity) {
        Some((sharpe, period)) => {
            writeln!(out, "sharpe   {sharpe:.2} (annualised, of returns of {})", period.name())?;
        }
        None => writeln!(out, "sharpe   unknown: needs two returns that differ")?,
    }
    for note in &outcome.notes {
        writeln!(out, "note     {note}")?;
    }
    out.flush()
}

/// One line for each asset.
fn by_asset(out: &mut impl Write, name: &str, sums: &BTreeMap<Asset, Cash>, what: &str) -> std::io::Result<()> {
    sums.iter().try_for_each(|(asset, sum)| writeln!(out, "{name:<8} {sum} {asset}{what}"))
}

/// The Sharpe ratio that a report of the whole run has, and how long the periods of its returns are.
fn sharpe(equity: &[Equity]) -> Option<(f64, Period)> {
    let valued = |e: &Equity| Some(Valued { at: e.at, value: e.value?, profit: e.profit });
    let known: Vec<Valued> = equity.iter().filter_map(valued).collect();
    let (first, last) = (known.first()?.at, known.last()?.at);
    let period = Period::fitting(last.since(first), known.len() as u64);
    let mut curve = Curve::new(first, last, period);
    known.into_iter().for_each(|valued| curve.at(valued));
    Some((curve.finish()?.returns.sharpe()?, period))
}

#[cfg(test)]
mod tests {
    use messages::UtcNanos;

    use super::*;

    fn daily(values: &[Option<&str>]) -> Vec<Equity> {
        let cash = |text: &str| text.parse::<Cash>().unwrap();
        let at = |day: usize| UtcNanos::start_of_day(20_000 + day as i64);
        let equity =
            |(day, value): (usize, &Option<&str>)| Equity { at: at(day), value: value.map(cash), profit: None };
        values.iter().enumerate().map(equity).collect()
    }

    #[test]
    fn the_ratio_is_that_of_returns_of_equal_length() {
        let (found, period) = sharpe(&daily(&[Some("100"), Some("101"), Some("100.495")])).unwrap();
        // Returns +1 % and −0.5 %: mean 0.25 %, sample deviation 1.06066 %, √365 = 19.10497.
        assert!((found - 4.503_1).abs() < 0.001 && period == Period::Day, "{found}");
        assert_eq!(sharpe(&daily(&[Some("100"), None])), None);
    }

    #[test]
    fn a_day_without_a_value_holds_the_last_one_and_makes_no_return_of_two_days() {
        let (found, _) = sharpe(&daily(&[Some("100"), Some("100"), None, Some("102")])).unwrap();
        // Returns 0, 0 and 2 %: mean 2/3 %, sample deviation 2 / √3 %.
        assert!((found - 365f64.sqrt() / 3f64.sqrt()).abs() < 1e-9, "{found}");
    }
}
