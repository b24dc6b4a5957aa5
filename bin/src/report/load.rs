//! A report from the tables: asks, and hands what it hears to the figures. However many rows there are, it holds one page.

mod deposits;
mod execution;
mod fills;
pub mod prices;
mod snapshots;
mod whose;

use messages::{Cash, Instrument};

use super::ask::Ask;
use super::figures::curve::Curve;
use super::figures::fills::Booked;
use super::figures::growth::Valued;
use super::figures::performance::{Beside, ONE_CURRENCY, Performance};
use super::figures::results::Results;
use super::figures::samples::Period;
use super::{Drawn, Priced, Report, money, notes};
pub use execution::Execution;
pub use whose::{Wanted, Whose};

/// Instruments that fills are drawn for: those with the most of them.
const DRAWN: usize = 8;

/// Makes a report.
///
/// # Errors
/// There is nothing to report, or it cannot be read.
pub fn load(ask: &dyn Ask, wanted: &Wanted) -> anyhow::Result<Report> {
    let whose = Whose::find(ask, wanted)?;
    let span = whose.end.since(whose.begin);
    let period = wanted.period.unwrap_or_else(|| Period::fitting(span, whose.snapshots - whose.unvalued));
    let pairs = fills::pairs(ask)?;
    let (drawn, traded) = fills::most_traded(ask, &whose, DRAWN)?;
    let length = prices::length(&whose);
    let booked = fills::load(ask, &whose, &pairs, (length, &drawn))?;
    let results = Results::of(&booked.lines, &pairs, whose.currency)?;
    let earned = booked.earned.finish()?;

    let mut curve = Curve::new(whose.begin, whose.end, period);
    let leverage = match whose.strategy {
        None => snapshots::load(ask, &whose, &mut curve)?,
        Some(_) => {
            let first = snapshots::first_value(ask, &whose)?;
            of_one_strategy(&whose, &booked, earned.values().next(), first, &mut curve);
            None
        }
    };
    let curve = curve.finish().ok_or_else(|| anyhow::anyhow!("account {} never had any money", whose.account))?;
    // Snapshots know what another currency was worth; a sum of fills does not.
    let curve_needs = whose.strategy.filter(|_| !results.elsewhere.is_empty()).map(|_| ONE_CURRENCY);
    let curve = if curve_needs.is_some() { curve.unknown() } else { curve };
    let (in_market, turnover, fees) = (booked.in_market, results.turnover, results.fees);
    let performance = Performance::of(&curve, &Beside { period, in_market, turnover, fees, leverage, curve_needs });
    let unexplained = performance.profit.zip(results.total.net).and_then(|(all, net)| all.checked_sub(net));
    let prices = prices_of(ask, &whose, &drawn, &booked)?;
    let execution = execution::load(ask, &whose)?;
    let deposits = if curve.paid_in.is_zero() { 0 } else { deposits::count(ask, &whose)? };
    let notes = notes::of(&notes::About {
        whose: &whose,
        curve: &curve,
        performance: &performance,
        results: &results,
        execution: &execution,
        unexplained,
        deposits,
        charts: (drawn.len(), traded),
    });
    Ok(Report {
        account: whose.account.to_string(),
        strategy: whose.strategy.map(|strategy| strategy.to_string()),
        currency: whose.currency.to_string(),
        money: money::of(whose.account, drawn.iter().map(|instrument| instrument.exchange)),
        from: whose.begin.to_string(),
        to: whose.end.to_string(),
        snapshots: whose.snapshots,
        snapshots_without_value: whose.unvalued,
        performance,
        trips: results.total.trips.clone(),
        months: curve.months,
        drawdowns: curve.falls.worst,
        strategies: results.strategies,
        symbols: results.symbols,
        total: results.total,
        elsewhere: results.elsewhere,
        unexplained,
        execution,
        notes,
        drawn: Drawn {
            equity: curve.chart,
            instants: booked.earned.instants().map(|at| at.min(whose.end)).collect(),
            earned,
            prices,
            returns: curve.returns.each,
        },
    })
}

/// The curve of one strategy: what the account would have been worth if nothing else had traded. Flat where it earned nothing.
fn of_one_strategy(whose: &Whose, booked: &Booked, earned: Option<&Vec<Cash>>, first: Cash, curve: &mut Curve) {
    curve.at(Valued { at: whose.begin, value: first, profit: Some(Cash::ZERO) });
    for (n, at) in booked.earned.instants().enumerate() {
        let gained = earned.map_or(Cash::ZERO, |sums| sums[n]);
        if let Some(value) = first.checked_add(gained) {
            curve.at(Valued { at: at.min(whose.end), value, profit: Some(gained) });
        }
    }
}

fn prices_of(ask: &dyn Ask, whose: &Whose, drawn: &[Instrument], booked: &Booked) -> anyhow::Result<Vec<Priced>> {
    let length = prices::length(whose);
    let of = |instrument: &Instrument| {
        let bars = prices::load(ask, whose, *instrument, length)?;
        let marks = booked.marks.of.get(instrument).cloned().unwrap_or_default();
        Ok(Priced { instrument: *instrument, length, bars, marks })
    };
    drawn.iter().map(of).collect()
}
