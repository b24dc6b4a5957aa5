//! What people should know beside the figures: what is left out, what is a sample, what does not add up and why.

use messages::Cash;

use super::figures::curve::Finished;
use super::figures::performance::Performance;
use super::figures::results::Results;
use super::load::{Execution, Whose};

/// With fewer returns, a ratio says little.
const FEW_RETURNS: u64 = 30;

/// What the notes are about.
pub struct About<'a> {
    /// Whose report it is.
    pub whose: &'a Whose,
    /// Its curve.
    pub curve: &'a Finished,
    /// Its headline.
    pub performance: &'a Performance,
    /// Its results.
    pub results: &'a Results,
    /// Its execution quality.
    pub execution: &'a Execution,
    /// Profit of the account that its fills do not explain.
    pub unexplained: Option<Cash>,
    /// How often money was paid in or out.
    pub deposits: u64,
    /// Instruments that are drawn, and instruments that were traded.
    pub charts: (usize, usize),
}

/// The notes.
pub fn of(about: &About<'_>) -> Vec<String> {
    let mut notes = Vec::new();
    on_the_curve(about, &mut notes);
    on_the_results(about, &mut notes);
    on_execution(about.execution, &mut notes);
    let (drawn, traded) = about.charts;
    if drawn < traded {
        notes.push(format!("{traded} instruments were traded; the {drawn} with the most fills are drawn."));
    }
    notes
}

fn on_the_curve(about: &About<'_>, notes: &mut Vec<String>) {
    let About { whose, curve, performance, .. } = about;
    notes.extend(
        whose.strategy.map(|strategy| on_its_curve(&strategy.to_string(), whose.currency.as_str(), about.results)),
    );
    notes.extend(on_what_was_paid_in(curve.paid_in, about.deposits, whose.currency.as_str()));
    if whose.unvalued > 0 {
        notes.push(format!(
            "{} of {} snapshots have no value, because an asset had no rate in {}; they are left out.",
            whose.unvalued, whose.snapshots, whose.currency
        ));
    }
    if performance.returns < FEW_RETURNS {
        notes.push(format!(
            "There are {} returns of {}: with fewer than {FEW_RETURNS}, volatility and the ratios made of it say little.",
            performance.returns,
            performance.period.name()
        ));
    }
    if curve.is_ruined {
        notes.push("The account had nothing left at some moment; there is no return after it.".to_owned());
    }
}

fn on_its_curve(strategy: &str, currency: &str, results: &Results) -> String {
    if !results.elsewhere.is_empty() {
        return format!("The curve of {strategy} is unknown: a part of what it trades is not in {currency}.");
    }
    format!(
        "A strategy has no money of its own: the curve is the account's first value and what {strategy} earned since."
    )
}

fn on_what_was_paid_in(paid_in: Cash, deposits: u64, currency: &str) -> Option<String> {
    (!paid_in.is_zero() && deposits == 0).then(|| {
        format!(
            "Nothing was paid in or out: {paid_in} {currency} is what the assets changed in price that had been paid in before."
        )
    })
}

fn on_the_results(about: &About<'_>, notes: &mut Vec<String>) {
    let (currency, elsewhere) = (about.whose.currency.as_str(), &about.results.elsewhere);
    if !elsewhere.is_empty() {
        notes.push(format!("Not in {currency}, and in no total: {}.", elsewhere.join(", ")));
    }
    for (asset, amount) in &about.results.total.other_fees {
        notes.push(format!("Fees of {amount} {asset} have no rate here and are in no sum of fees."));
    }
    match about.unexplained.filter(|_| about.whose.strategy.is_none()) {
        Some(rest) if !rest.is_zero() => notes.push(format!(
            "The account gained {rest} {currency} beyond what its fills explain: assets and fees that are not in {currency}, fills of the very instants at the report's ends, or rounding."
        )),
        _ => {}
    }
}

fn on_execution(execution: &Execution, notes: &mut Vec<String>) {
    let Some(all) = execution.slippage.first() else { return };
    if all.fills < execution.fills_of_its_orders || all.measured < all.fills {
        notes.push(format!(
            "Slippage is that of {} of {} fills: at most 20,000 of the newest 30 days with fills, taken evenly, filled on the day of their order, with market data on this machine at their decision.",
            all.measured, execution.fills_of_its_orders
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_of_price_is_not_said_to_be_a_deposit() {
        let on = |paid_in: &str, deposits| on_what_was_paid_in(paid_in.parse().unwrap(), deposits, "USDT");
        assert!(on("-10000", 0).unwrap().starts_with("Nothing was paid in or out: -10000 USDT"));
        assert_eq!((on("-10000", 1), on("0", 0)), (None, None));
    }
}
